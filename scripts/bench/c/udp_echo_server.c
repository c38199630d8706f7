/*
 * The floor of the UDP echo: udp_echo_server BUFFER_SIZE transcript|silent
 *
 * recvfrom and sendto, forever. With "transcript" also what cmpu-udp-echo-server prints for each datagram, a line a
 * system call: the calls of the lab's server and nothing else.
 */

#include "net.h"

int main(int argc, char **argv) {
    int talks = argc == 3 && strcmp(argv[2], "transcript") == 0;
    if (!talks && (argc != 3 || strcmp(argv[2], "silent") != 0)) {
        fprintf(stderr, "usage: udp_echo_server BUFFER_SIZE transcript|silent\n");
        return 2;
    }
    size_t size = (size_t)number(argv[1], 1);
    char *buffer = memory(size);
    int fd = bound(SOCK_DGRAM);
    announce(fd);
    for (;;) {
        if (talks) say("Waiting to receive message from client\n");
        struct sockaddr_in peer;
        socklen_t length = sizeof peer;
        size_t count =
            (size_t)check(recvfrom(fd, buffer, size, 0, (struct sockaddr *)&peer, &length), "recvfrom");
        char host[INET_ADDRSTRLEN];
        inet_ntop(AF_INET, &peer.sin_addr, host, sizeof host);
        int port = ntohs(peer.sin_port);
        if (talks) {
            say("received %zu bytes from ('%s', %d)\n", count, host, port);
            say("Data: %.*s\n", (int)count, buffer);
        }
        size_t sent = (size_t)check(sendto(fd, buffer, count, 0, (struct sockaddr *)&peer, length), "sendto");
        if (talks) say("sent %zu bytes back to ('%s', %d)\n", sent, host, port);
    }
}
