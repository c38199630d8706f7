// The floor for a scan of this machine's own ports: as little as a program can do for each port.
//
//   cc -O2 -pthread -o portscan-own scripts/bench/c/portscan-own.c && ./portscan-own [ADDRESS]
//
// Two threads, a socket each, bound once to 127.0.0.2; two calls of connect
// a port: the first sends the SYN, which is answered within the call, the
// second asks what the answer was. Prints the number of open ports.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { THREADS = 2 };

static struct in_addr target;

static void *scan(void *argument) {
    long number = (long)argument, open = 0;
    struct sockaddr_in here = {.sin_family = AF_INET}, there = {.sin_family = AF_INET, .sin_addr = target};
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    inet_pton(AF_INET, "127.0.0.2", &here.sin_addr);
    int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (s < 0 || bind(s, (struct sockaddr *)&here, sizeof here)) {
        perror("socket");
        exit(1);
    }
    for (int port = 1 + number; port < 65536; port += THREADS) {
        there.sin_port = htons(port);
        int result = connect(s, (struct sockaddr *)&there, sizeof there);
        if (result && errno == EINPROGRESS) result = connect(s, (struct sockaddr *)&there, sizeof there);
        if (result && errno == ECONNREFUSED) continue;
        open += !result;
        connect(s, &none, sizeof none);
    }
    return (void *)open;
}

int main(int count, char **words) {
    inet_pton(AF_INET, count > 1 ? words[1] : "127.0.0.1", &target);
    pthread_t threads[THREADS];
    long open = 0;
    for (long i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, scan, (void *)i);
    for (int i = 0; i < THREADS; i++) {
        void *found;
        pthread_join(threads[i], &found);
        open += (long)found;
    }
    printf("%ld open\n", open);
}
