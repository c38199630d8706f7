// Two network namespaces joined by a slow link, made from
// what every Linux kernel has: tun devices and this program.
//
//   cc -O2 -pthread -o slowlink slowlink.c
//   unshare --net ./slowlink --delay-us 25000            (as root; else: unshare --user
//   --map-root-user --net ...)
//
// The namespace in which it is started becomes the near side (10.200.0.1,
// fd00:200::1), a new one the far side (10.200.0.2, fd00:200::2). Once both are
// up it prints one line, "NEAR_PID FAR_PID", and carries packets until its
// stdin ends. A command runs on a side with: nsenter --target PID --net COMMAND
//
//   --delay-us N      time on the way, each way
//   --loss-ppm N      packets lost of a million, each way
//   --queue N         packets that wait for the link at most; more are dropped
//   --rate-bps N      bits a second, each way, with 24 bytes a packet for the link's own frame
//   --refusals N      a far side that sends at most N packets with RST a second
//   --only PORT,...   a firewall before the far side that drops TCP packets to all other ports
//   --seed N          which packets are lost
//   --log FILE        a line for each SYN to the far side: its time in nanoseconds, and its port
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum {
    FRAME = 24,            // bytes that an Ethernet link adds to an IP packet
    LONGEST = 1500,        // of a packet, in bytes
    RING = 128 << 20,      // of a direction's queue, in bytes; pages that are never used cost nothing
    NAP_NS = 100 * 1000,   // between two looks at a link that is in use
};

static int64_t delay_ns, loss_ppm, queue_limit = 400000, rate_bps, refusals = -1;
static uint64_t seed = 1;
static unsigned char passes[65536];  // by port
static int filtering;
static FILE *syns;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ll + time.tv_nsec;
}

// One direction of the link.
struct way {
    int from, to;
    int towards_far;
    uint64_t random;
    int64_t link_free;      // when the link has sent all that waits for it
    double credit;          // refusals that may pass now
    int64_t credited;
};

// What waits in the ring before each packet. A length
// of 0 says that the ring continues at its start.
struct held {
    int64_t sent, due;      // when the packet has left the queue, and when it arrives
    uint32_t length;
};

static uint64_t next_random(uint64_t *state) {  // xorshift64*
    *state ^= *state >> 12, *state ^= *state << 25, *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1dull;
}

// Whether a firewall or a limit of the far side stops the packet.
static int is_stopped(struct way *way, const unsigned char *packet, int length, int64_t now) {
    int header = (packet[0] & 15) * 4, protocol = packet[9];
    if (packet[0] >> 4 == 6) header = 40, protocol = packet[6];
    if (protocol != IPPROTO_TCP || length < header + 20) return 0;
    const unsigned char *tcp = packet + header;
    if (syns && way->towards_far && (tcp[13] & 0x12) == 2) {
        fprintf(syns, "%lld %d\n", (long long)now, tcp[2] << 8 | tcp[3]);
        fflush(syns);
    }
    if (way->towards_far) return filtering && !passes[tcp[2] << 8 | tcp[3]];
    if (refusals < 0 || !(tcp[13] & 4)) return 0;
    way->credit += (now - way->credited) * 1e-9 * refusals;
    if (way->credit > 50) way->credit = 50;
    way->credited = now;
    if (way->credit < 1) return 1;
    way->credit -= 1;
    return 0;
}

static void *carry(void *argument) {
    struct way *way = argument;
    char *ring = malloc(RING);
    size_t head = 0, tail = 0;
    long held = 0;
    unsigned char packet[LONGEST + 500];
    if (!ring) die("malloc");
    prctl(PR_SET_TIMERSLACK, 1000);
    for (;;) {
        int64_t now = now_ns();
        while (held) {
            struct held *first = (struct held *)(ring + tail);
            if (!first->length) {
                tail = 0;
                continue;
            }
            if (first->due > now) break;
            // The far side may be gone at the end; a packet more or less is lost then.
            if (write(way->to, first + 1, first->length) < 0 && errno != EIO && errno != EAGAIN) die("write");
            tail += sizeof *first + ((first->length + 15) & ~15u);
            held--;
        }
        int taken = 0;
        for (; taken < 256; taken++) {
            int length = read(way->from, packet, sizeof packet);
            if (length <= 0) break;
            now = now_ns();
            if (is_stopped(way, packet, length, now)) continue;
            if ((int64_t)(next_random(&way->random) % 1000000) < loss_ppm) continue;
            int64_t sent = now;
            if (rate_bps) {
                int64_t each = (length + FRAME) * 8 * 1000000000ll / rate_bps;
                if (way->link_free < now) way->link_free = now;
                // Packets that wait: the time until the link is free, in packets of this length.
                if ((way->link_free - now) / each >= queue_limit) continue;
                sent = way->link_free += each;
            } else if (held >= queue_limit) {
                continue;
            }
            size_t need = sizeof(struct held) + ((length + 15) & ~15u);
            if (head + need + sizeof(struct held) > RING) {
                ((struct held *)(ring + head))->length = 0;
                head = 0;
                if (!held) tail = 0;
            }
            if (held && head < tail && head + need >= tail) continue;  // the ring is full: one more drop
            struct held *last = (struct held *)(ring + head);
            *last = (struct held){.sent = sent, .due = sent + delay_ns, .length = length};
            memcpy(last + 1, packet, length);
            head += need;
            held++;
        }
        if (taken == 256) continue;
        if (held || taken) {
            struct timespec nap = {0, NAP_NS};
            nanosleep(&nap, NULL);
        } else {
            struct pollfd ready = {way->from, POLLIN, 0};
            poll(&ready, 1, -1);
        }
    }
    return NULL;
}

// An address is usable at once when the kernel does not look for another machine that has it
// (duplicate address detection): without this, a program that listens a moment later may fail.
static void no_duplicate_detection(void) {
    int setting = open("/proc/sys/net/ipv6/conf/slow0/accept_dad", O_WRONLY | O_CLOEXEC);
    if (setting < 0) return;  // no IPv6
    if (write(setting, "0", 1) != 1) perror("accept_dad");
    close(setting);
}

// Brings a device up in this thread's namespace, with its addresses.
static int tun(const char *ip4, const char *ip6) {
    int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (device < 0) die("/dev/net/tun");
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    strcpy(request.ifr_name, "slow0");
    if (ioctl(device, TUNSETIFF, &request)) die("TUNSETIFF");

    int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    request.ifr_qlen = 200000;
    if (ioctl(control, SIOCSIFTXQLEN, &request)) die("SIOCSIFTXQLEN");
    struct sockaddr_in *address = (struct sockaddr_in *)&request.ifr_addr;
    *address = (struct sockaddr_in){.sin_family = AF_INET};
    inet_pton(AF_INET, ip4, &address->sin_addr);
    if (ioctl(control, SIOCSIFADDR, &request)) die("SIOCSIFADDR");
    inet_pton(AF_INET, "255.255.255.0", &address->sin_addr);
    if (ioctl(control, SIOCSIFNETMASK, &request)) die("SIOCSIFNETMASK");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    if (ioctl(control, SIOCSIFFLAGS, &request)) die("SIOCSIFFLAGS");

    struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    if (ioctl(control, SIOCSIFFLAGS, &loopback)) die("lo up");

    int control6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    no_duplicate_detection();
    if (control6 >= 0) {  // a kernel without IPv6 has IPv4 alone
        struct { struct in6_addr address; uint32_t prefix; int index; } request6 = {.prefix = 64};
        inet_pton(AF_INET6, ip6, &request6.address);
        request6.index = if_nametoindex("slow0");
        if (ioctl(control6, SIOCSIFADDR, &request6)) die("SIOCSIFADDR, IPv6");
        close(control6);
    }
    close(control);
    return device;
}

static void read_options(int count, char **words) {
    for (int i = 1; i + 1 < count; i += 2) {
        const char *name = words[i];
        char *value = words[i + 1];
        if (!strcmp(name, "--delay-us")) delay_ns = atoll(value) * 1000;
        else if (!strcmp(name, "--loss-ppm")) loss_ppm = atoll(value);
        else if (!strcmp(name, "--queue")) queue_limit = atoll(value);
        else if (!strcmp(name, "--rate-bps")) rate_bps = atoll(value);
        else if (!strcmp(name, "--refusals")) refusals = atoll(value);
        else if (!strcmp(name, "--seed")) seed = strtoull(value, NULL, 10);
        else if (!strcmp(name, "--log")) {
            syns = fopen(value, "we");
            if (!syns) die(value);
        } else if (!strcmp(name, "--only")) {
            filtering = 1;
            for (char *port = strtok(value, ","); port; port = strtok(NULL, ",")) passes[atoi(port) & 65535] = 1;
        } else {
            fprintf(stderr, "slowlink: %s is not an option\n", name);
            exit(1);
        }
    }
    if (count % 2 == 0) {
        fprintf(stderr, "slowlink: %s has no value\n", words[count - 1]);
        exit(1);
    }
}

int main(int count, char **words) {
    read_options(count, words);
    int near = tun("10.200.0.1", "fd00:200::1");

    // A namespace lives as long as a process is in it: this
    // one stays in the near one, a child in the far one.
    int near_space = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (near_space < 0) die("/proc/self/ns/net");
    if (unshare(CLONE_NEWNET)) die("unshare");
    int far = tun("10.200.0.2", "fd00:200::2");
    pid_t child = fork();
    if (child < 0) die("fork");
    if (!child) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) pause();
    }
    if (setns(near_space, CLONE_NEWNET)) die("setns");

    static struct way there, back;
    there = (struct way){.from = near, .to = far, .towards_far = 1, .random = seed * 2 + 1};
    back = (struct way){.from = far, .to = near, .random = seed * 2 + 0x9e3779b97f4a7c15ull, .credited = now_ns()};
    // The first numbers of a small seed are small.
    for (int i = 0; i < 20; i++) next_random(&there.random), next_random(&back.random);
    pthread_t threads[2];
    if (pthread_create(&threads[0], NULL, carry, &there)) die("pthread_create");
    if (pthread_create(&threads[1], NULL, carry, &back)) die("pthread_create");
    printf("%d %d\n", getpid(), child);
    fflush(stdout);
    char end;
    while (read(0, &end, 1) > 0) {
    }
    kill(child, SIGKILL);
    return 0;
}
