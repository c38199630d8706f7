/*
 * The client that measures the echo servers, the same for all of them. It prints one number.
 *
 *   load latency PORT COUNT SIZE        p50 of COUNT round trips of SIZE bytes, in microseconds
 *   load throughput PORT MIB            MIB mebibytes sent and received at the same time, in GB/s that came back
 *   load connections PORT COUNT         connect, one message there and back, close, COUNT times: connections a second
 *   load udp-latency PORT COUNT SIZE    p50 of COUNT round trips of a datagram of SIZE bytes, in microseconds
 *
 * Every byte that comes back is compared with the one that was sent.
 */

#include <fcntl.h>
#include <poll.h>

#include "net.h"

#define PIECE (64 * 1024)
#define MESSAGE "Hello, server!"

/* How long a silent server is waited for, in seconds. */
#define PATIENCE 10

static void limit_waiting(int fd) {
    struct timeval time = {.tv_sec = PATIENCE};
    check(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time), "setsockopt");
}

static void wrong(void) {
    fprintf(stderr, "the server sent back something else than it was sent\n");
    exit(1);
}

/* Printable text that no shift of itself equals: a lost or doubled piece shows. The UDP servers print it. */
static void pattern(char *bytes, size_t size) {
    uint32_t state = 1;
    for (size_t at = 0; at < size; at++) {
        state = state * 1664525 + 1013904223;
        bytes[at] = (char)(' ' + (state >> 16) % ('~' - ' ' + 1));
    }
}

static int by_size(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void latency(int type, int port, size_t count, size_t size) {
    char *sent = memory(size), *received = memory(size + 1);
    double *times = memory(count * sizeof *times);
    pattern(sent, size);
    int fd = connected(type, port);
    limit_waiting(fd);
    /* The first tenth warms up caches and the congestion window. */
    size_t warm_up = count / 10 + 1;
    for (size_t turn = 0; turn < warm_up + count; turn++) {
        double start = now();
        send_all(fd, sent, size);
        size_t at = 0;
        while (at < size) {
            /* Room for a byte more than was sent: a datagram that is too long shows. */
            size_t got = (size_t)check(recv(fd, received + at, size + 1 - at, 0), "recv");
            if (got == 0) wrong();
            at += got;
        }
        double end = now();
        if (at != size || memcmp(sent, received, size) != 0) wrong();
        if (turn >= warm_up) times[turn - warm_up] = end - start;
    }
    qsort(times, count, sizeof *times, by_size);
    printf("%.3f\n", times[count / 2] * 1e6);
}

static void throughput(int port, size_t total) {
    char *sent = memory(2 * PIECE), *received = memory(PIECE);
    /* Twice the same, so that a piece may begin anywhere in the first half. */
    pattern(sent, PIECE);
    memcpy(sent + PIECE, sent, PIECE);
    int fd = connected(SOCK_STREAM, port);
    check(fcntl(fd, F_SETFL, O_NONBLOCK), "fcntl");
    size_t out = 0, in = 0;
    double start = now();
    while (in < total) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (out < total) ready.events |= POLLOUT;
        if (check(poll(&ready, 1, PATIENCE * 1000), "poll") == 0) {
            fprintf(stderr, "the server stopped after %zu of %zu bytes\n", in, total);
            exit(1);
        }
        if (ready.revents & POLLOUT) {
            size_t size = total - out < PIECE ? total - out : PIECE;
            ssize_t count = send(fd, sent + out % PIECE, size, MSG_NOSIGNAL);
            if (count < 0 && errno != EAGAIN) fail("send");
            if (count > 0) out += (size_t)count;
        }
        if (ready.revents & ~POLLOUT) {
            ssize_t count = recv(fd, received, PIECE, 0);
            if (count < 0 && errno != EAGAIN) fail("recv");
            if (count == 0) wrong();
            if (count > 0) {
                if (memcmp(received, sent + in % PIECE, (size_t)count) != 0) wrong();
                in += (size_t)count;
            }
        }
    }
    printf("%.6f\n", (double)total / (now() - start) / 1e9);
}

static void connections(int port, size_t count) {
    char received[sizeof MESSAGE];
    size_t size = strlen(MESSAGE);
    double start = now();
    for (size_t turn = 0; turn < count; turn++) {
        int fd = connected(SOCK_STREAM, port);
        send_all(fd, MESSAGE, size);
        size_t at = 0;
        while (at < size) {
            size_t got = (size_t)check(recv(fd, received + at, size - at, 0), "recv");
            if (got == 0) wrong();
            at += got;
        }
        if (memcmp(received, MESSAGE, size) != 0) wrong();
        check(close(fd), "close");
    }
    printf("%.3f\n", (double)count / (now() - start));
}

int main(int argc, char **argv) {
    const char *mode = argc > 1 ? argv[1] : "";
    if (argc == 5 && strcmp(mode, "latency") == 0) {
        latency(SOCK_STREAM, (int)number(argv[2], 1), (size_t)number(argv[3], 1), (size_t)number(argv[4], 1));
    } else if (argc == 5 && strcmp(mode, "udp-latency") == 0) {
        latency(SOCK_DGRAM, (int)number(argv[2], 1), (size_t)number(argv[3], 1), (size_t)number(argv[4], 1));
    } else if (argc == 4 && strcmp(mode, "throughput") == 0) {
        throughput((int)number(argv[2], 1), (size_t)number(argv[3], 1) * 1024 * 1024);
    } else if (argc == 4 && strcmp(mode, "connections") == 0) {
        connections((int)number(argv[2], 1), (size_t)number(argv[3], 1));
    } else {
        fprintf(stderr, "usage: load latency|udp-latency PORT COUNT SIZE | throughput PORT MIB | "
                        "connections PORT COUNT\n");
        return 2;
    }
    return 0;
}
