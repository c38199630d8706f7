/* What the C programs of the benchmarks share: an error ends the program and names the call. */

#ifndef NET_H
#define NET_H

/* For accept4. */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static inline void fail(const char *call) {
    fprintf(stderr, "%s: %s\n", call, strerror(errno));
    exit(1);
}

static inline long check(long result, const char *call) {
    if (result < 0) fail(call);
    return result;
}

/* A whole number from an argument, at least `least`. */
static inline long number(const char *text, long least) {
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno != 0 || *text == '\0' || *end != '\0' || value < least) {
        fprintf(stderr, "%s is not a whole number of at least %ld\n", text, least);
        exit(2);
    }
    return value;
}

static inline void *memory(size_t size) {
    void *block = malloc(size);
    if (block == NULL) fail("malloc");
    return block;
}

static inline struct sockaddr_in loopback(int port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    return address;
}

/* A socket bound to a free port of 127.0.0.1. */
static inline int bound(int type) {
    int fd = (int)check(socket(AF_INET, type | SOCK_CLOEXEC, 0), "socket");
    int on = 1;
    check(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "setsockopt");
    struct sockaddr_in address = loopback(0);
    check(bind(fd, (struct sockaddr *)&address, sizeof address), "bind");
    return fd;
}

/* Says on stderr that clients can come, in the words of the lab's servers. */
static inline void announce(int fd) {
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    check(getsockname(fd, (struct sockaddr *)&address, &size), "getsockname");
    fprintf(stderr, "listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
}

static inline int connected(int type, int port) {
    int fd = (int)check(socket(AF_INET, type | SOCK_CLOEXEC, 0), "socket");
    struct sockaddr_in address = loopback(port);
    check(connect(fd, (struct sockaddr *)&address, sizeof address), "connect");
    return fd;
}

static inline void send_all(int fd, const char *bytes, size_t size) {
    while (size > 0) {
        size_t sent = (size_t)check(send(fd, bytes, size, MSG_NOSIGNAL), "send");
        bytes += sent;
        size -= sent;
    }
}

/* One line of the transcript on stdout, with one system call, as the lab's servers print it. */
__attribute__((format(printf, 1, 2))) static inline void say(const char *format, ...) {
    char line[512];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(line, sizeof line, format, values);
    va_end(values);
    if (length < 0 || (size_t)length >= sizeof line) {
        fprintf(stderr, "a line of the transcript is too long\n");
        exit(1);
    }
    check(write(STDOUT_FILENO, line, (size_t)length), "write");
}

/* Seconds on a clock that only goes forward. */
static inline double now(void) {
    struct timespec time;
    check(clock_gettime(CLOCK_MONOTONIC, &time), "clock_gettime");
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

#endif
