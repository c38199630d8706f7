/*
 * Both ends of an echo in one program, for a tracer: echo_alone COUNT SIZE
 *
 * The parent echoes until the end. The child connects, sends COUNT messages of SIZE bytes, and takes each one back
 * before it sends the next. The parent listens before the child is there, so neither waits for the other by trying again.
 */

#include "net.h"

#include <sys/wait.h>

static void serve(int listener, size_t size) {
    char *buffer = memory(size);
    int fd = (int)check(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept");
    for (;;) {
        size_t count = (size_t)check(recv(fd, buffer, size, 0), "recv");
        if (count == 0) break;
        send_all(fd, buffer, count);
    }
    check(close(fd), "close");
}

static void ask(int port, long count, size_t size) {
    char *sent = memory(size), *received = memory(size);
    int fd = connected(SOCK_STREAM, port);
    for (long turn = 0; turn < count; turn++) {
        memset(sent, 'a' + (int)(turn % 26), size);
        send_all(fd, sent, size);
        for (size_t at = 0; at < size;) {
            size_t got = (size_t)check(recv(fd, received + at, size - at, 0), "recv");
            if (got == 0) break;
            at += got;
        }
        if (memcmp(sent, received, size) != 0) {
            fprintf(stderr, "the server sent back something else than it was sent\n");
            exit(1);
        }
    }
    check(close(fd), "close");
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: echo_alone COUNT SIZE\n");
        return 2;
    }
    long count = number(argv[1], 1);
    size_t size = (size_t)number(argv[2], 1);
    int listener = bound(SOCK_STREAM);
    check(listen(listener, 1), "listen");
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    check(getsockname(listener, (struct sockaddr *)&address, &length), "getsockname");
    pid_t child = (pid_t)check(fork(), "fork");
    if (child == 0) {
        ask(ntohs(address.sin_port), count, size);
        return 0;
    }
    serve(listener, size);
    int status;
    check(waitpid(child, &status, 0), "waitpid");
    return status == 0 ? 0 : 1;
}
