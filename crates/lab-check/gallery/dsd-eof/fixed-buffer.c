// A server in C whose buffer holds 4,096 bytes: a longer message does not fit, and it hangs up.
// check: dsd-eof --server "{file} {port}"
// fails: exact-buffer fixed-limit
// fails: large fixed-limit
#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char BEFORE[] = "I got \"";
static const char AFTER[] = "\" from you and I am sending it back.<EOF>";

static void serve(int connection) {
    char buffer[4096];
    size_t length = 0;
    while (length < sizeof buffer) {
        ssize_t count = recv(connection, buffer + length, sizeof buffer - length, 0);
        if (count <= 0) break;
        length += (size_t)count;
        char *mark;
        while ((mark = memmem(buffer, length, "<EOF>", 5))) {
            size_t text = (size_t)(mark - buffer);
            if (send(connection, BEFORE, sizeof BEFORE - 1, MSG_NOSIGNAL) < 0 ||
                send(connection, buffer, text, MSG_NOSIGNAL) < 0 ||
                send(connection, AFTER, sizeof AFTER - 1, MSG_NOSIGNAL) < 0)
                _exit(0);
            length -= text + 5;
            memmove(buffer, mark + 5, length);
        }
    }
    _exit(0);
}

int main(int argc, char **argv) {
    (void)argc;
    signal(SIGCHLD, SIG_IGN);
    int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 128)) return 1;
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        if (connection < 0) continue;
        if (fork() == 0) {
            close(listener);
            serve(connection);
        }
        close(connection);
    }
}
