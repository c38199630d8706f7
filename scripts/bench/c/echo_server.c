/*
 * The floor of the TCP echo: echo_server BUFFER_SIZE BACKLOG
 *
 * The system calls of the lab's echo servers and nothing else: socket, setsockopt, bind, listen; for each client
 * accept, one line on stdout, recv and send until it closes, close. One client at a time, forever.
 */

#include "net.h"

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: echo_server BUFFER_SIZE BACKLOG\n");
        return 2;
    }
    size_t size = (size_t)number(argv[1], 1);
    char *buffer = memory(size);
    int listener = bound(SOCK_STREAM);
    check(listen(listener, (int)number(argv[2], 0)), "listen");
    announce(listener);
    for (;;) {
        struct sockaddr_in peer;
        socklen_t length = sizeof peer;
        int fd = (int)check(accept4(listener, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC), "accept");
        char host[INET_ADDRSTRLEN];
        inet_ntop(AF_INET, &peer.sin_addr, host, sizeof host);
        say("Connected by ('%s', %d)\n", host, ntohs(peer.sin_port));
        for (;;) {
            size_t count = (size_t)check(recv(fd, buffer, size, 0), "recv");
            if (count == 0) break;
            send_all(fd, buffer, count);
        }
        check(close(fd), "close");
    }
}
