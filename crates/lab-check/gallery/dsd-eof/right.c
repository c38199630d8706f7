// A right answer in C: a process for each client.
// check: dsd-eof --server "{file} {port}"
#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char BEFORE[] = "I got \"";
static const char AFTER[] = "\" from you and I am sending it back.<EOF>";

// send may take only a part.
static int send_all(int connection, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t taken = send(connection, bytes, count, MSG_NOSIGNAL);
        if (taken < 0) return -1;
        bytes += taken;
        count -= (size_t)taken;
    }
    return 0;
}

static void serve(int connection) {
    size_t room = 65536, length = 0, searched = 0;
    char *buffer = malloc(room);
    while (buffer) {
        if (room - length < 65536) {
            room *= 2;
            char *larger = realloc(buffer, room);
            if (!larger) break;
            buffer = larger;
        }
        ssize_t count = recv(connection, buffer + length, room - length, 0);
        if (count <= 0) break;
        length += (size_t)count;
        char *mark;
        while ((mark = memmem(buffer + searched, length - searched, "<EOF>", 5))) {
            size_t text = (size_t)(mark - buffer);
            if (send_all(connection, BEFORE, sizeof BEFORE - 1) || send_all(connection, buffer, text) ||
                send_all(connection, AFTER, sizeof AFTER - 1))
                _exit(0);
            length -= text + 5;
            memmove(buffer, mark + 5, length);
            searched = 0;
        }
        searched = length < 4 ? 0 : length - 4;
    }
    _exit(0);
}

int main(int argc, char **argv) {
    (void)argc;
    // Children that have ended leave nothing behind.
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
