/*
 * Sends one message and measures until its receiver has it: send PORT SIZE plain|delimited|prefixed
 *
 * The message is SIZE bytes of printable text. With "delimited" an <EOF> follows it, with "prefixed" its length leads
 * it, 4 bytes, most significant first. Then this side ends its direction. The receiver answers with the number of bytes
 * in decimal and a line feed. The time in seconds from the first send to the answer goes to stdout.
 */

#include "net.h"

#define PIECE (64 * 1024)

/* How long a silent receiver is waited for, in seconds. */
#define PATIENCE 120

/* Any character from space to tilde, so "<" and beginnings of the token come up, the whole token does not. */
static void text(char *bytes, size_t size) {
    uint32_t state = 1;
    for (size_t at = 0; at < size; at++) {
        state = state * 1664525 + 1013904223;
        bytes[at] = (char)(' ' + (state >> 16) % ('~' - ' ' + 1));
    }
}

int main(int argc, char **argv) {
    const char *framing = argc == 4 ? argv[3] : "";
    int is_delimited = strcmp(framing, "delimited") == 0, is_prefixed = strcmp(framing, "prefixed") == 0;
    if (!is_delimited && !is_prefixed && strcmp(framing, "plain") != 0) {
        fprintf(stderr, "usage: send PORT SIZE plain|delimited|prefixed\n");
        return 2;
    }
    size_t size = (size_t)number(argv[2], 1);
    if (size > UINT32_MAX) {
        fprintf(stderr, "a length above 4 GiB does not fit into its 4 bytes\n");
        return 2;
    }
    char *block = memory(PIECE);
    text(block, PIECE);
    int fd = connected(SOCK_STREAM, (int)number(argv[1], 1));
    struct timeval patience = {.tv_sec = PATIENCE};
    check(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), "setsockopt");
    double start = now();
    if (is_prefixed) {
        uint32_t length = htonl((uint32_t)size);
        send_all(fd, (const char *)&length, sizeof length);
    }
    for (size_t left = size; left > 0;) {
        size_t piece = left < PIECE ? left : PIECE;
        send_all(fd, block, piece);
        left -= piece;
    }
    if (is_delimited) send_all(fd, "<EOF>", 5);
    check(shutdown(fd, SHUT_WR), "shutdown");
    char answer[32];
    size_t at = 0;
    while (at == 0 || answer[at - 1] != '\n') {
        size_t got = (size_t)check(recv(fd, answer + at, sizeof answer - 1 - at, 0), "recv");
        if (got == 0) break;
        at += got;
    }
    double seconds = now() - start;
    answer[at] = '\0';
    if (strtoull(answer, NULL, 10) != size) {
        fprintf(stderr, "the receiver got %zu bytes and answered \"%s\"\n", size, answer);
        return 1;
    }
    printf("%.6f\n", seconds);
    return 0;
}
