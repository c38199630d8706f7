// The floor for a scan of another machine: what an engine costs that knows the network beforehand.
//
//   cc -O2 -pthread -o portscan-far portscan-far.c &&
//   ./portscan-far ADDRESS WINDOW TIMEOUT_MS TRIES [THREADS]
//
// An edge-triggered epoll a thread; sockets made and registered once and used again; a fixed window
// and a fixed waiting time, given as arguments, where a real scanner has to find them out. What is
// silent is tried again in a later pass. Prints the numbers of open, closed and silent ports.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_THREADS = 16 };

static struct sockaddr_in target;
static int window, timeout_ms, tries, threads;

struct slot {
    int fd, port;          // port 0: idle
    uint32_t serial;
    int64_t sent;
};

struct entry {             // of the queue of what is under way, oldest first
    int slot;
    uint32_t serial;
};

struct part {
    int number;
    long open, closed, silent;
};

static int64_t now_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000ll + time.tv_nsec / 1000000;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void *scan(void *argument) {
    struct part *part = argument;
    int size = window / threads, made = 0, idle_count = 0, cooling_count = 0, ports_count = 0, next_count = 0;
    struct slot *slots = calloc(size, sizeof *slots);
    int *idle = malloc(size * sizeof *idle), *cooling = malloc(size * sizeof *cooling);
    int *ports = malloc(65536 * sizeof *ports), *again = malloc(65536 * sizeof *again);
    struct entry *queue = malloc((1 << 20) * sizeof *queue);
    uint32_t head = 0, tail = 0, mask = (1 << 20) - 1;
    struct epoll_event events[1024];
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    struct sockaddr_in to = target, any = {.sin_family = AF_INET};
    int poller = epoll_create1(0);
    if (poller < 0) die("epoll_create1");
    for (int port = 1 + part->number; port < 65536; port += threads) ports[ports_count++] = port;

    for (int pass = 0; pass < tries; pass++) {
        int place = 0, under_way = 0;
        next_count = 0;
        while (place < ports_count || under_way) {
            int64_t now = now_ms();
            while (head != tail) {
                struct entry first = queue[head & mask];
                struct slot *slot = &slots[first.slot];
                if (slot->serial == first.serial && slot->port) {
                    if (now - slot->sent < timeout_ms) break;
                    again[next_count++] = slot->port;
                    slot->port = 0;
                    under_way--;
                    connect(slot->fd, &none, sizeof none);
                    cooling[cooling_count++] = first.slot;
                }
                head++;
            }
            int sent = 0;
            for (; sent < 64 && place < ports_count && under_way < size; sent++) {
                int number;
                if (idle_count) {
                    number = idle[--idle_count];
                } else if (made < size) {
                    number = made++;
                    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
                    if (fd < 0) die("socket");
                    if (bind(fd, (struct sockaddr *)&any, sizeof any)) die("bind");
                    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u32 = number};
                    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event)) die("epoll_ctl");
                    slots[number].fd = fd;
                } else {
                    break;
                }
                struct slot *slot = &slots[number];
                slot->port = ports[place++];
                slot->serial++;
                slot->sent = now;
                to.sin_port = htons(slot->port);
                queue[tail++ & mask] = (struct entry){number, slot->serial};
                under_way++;
                if (connect(slot->fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS) die("connect");
            }
            int wait = sent == 64 ? 0 : 4;
            int count = epoll_wait(poller, events, 1024, wait);
            for (int i = 0; i < count; i++) {
                int number = events[i].data.u32;
                struct slot *slot = &slots[number];
                if (!slot->port) continue;
                to.sin_port = htons(slot->port);
                int result = connect(slot->fd, (struct sockaddr *)&to, sizeof to);
                if (result && errno == EALREADY) continue;
                slot->port = 0;
                under_way--;
                if (result && errno == ECONNREFUSED) {
                    part->closed++;
                    idle[idle_count++] = number;
                    continue;
                }
                if (result) die("connect");
                part->open++;
                connect(slot->fd, &none, sizeof none);
                cooling[cooling_count++] = number;
            }
            while (cooling_count) idle[idle_count++] = cooling[--cooling_count];
        }
        int *swap = ports;
        ports = again, again = swap;
        ports_count = next_count;
    }
    part->silent = ports_count;
    return NULL;
}

int main(int count, char **words) {
    if (count < 5) {
        fprintf(stderr, "usage: portscan-far ADDRESS WINDOW TIMEOUT_MS TRIES [THREADS]\n");
        return 1;
    }
    target.sin_family = AF_INET;
    inet_pton(AF_INET, words[1], &target.sin_addr);
    window = atoi(words[2]), timeout_ms = atoi(words[3]), tries = atoi(words[4]);
    threads = count > 5 ? atoi(words[5]) : 2;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    pthread_t ids[MOST_THREADS];
    struct part parts[MOST_THREADS] = {0};
    for (int i = 0; i < threads; i++) {
        parts[i].number = i;
        if (pthread_create(&ids[i], NULL, scan, &parts[i])) die("pthread_create");
    }
    struct part sum = {0};
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        sum.open += parts[i].open, sum.closed += parts[i].closed, sum.silent += parts[i].silent;
    }
    printf("%ld open, %ld closed, %ld silent\n", sum.open, sum.closed, sum.silent);
}
