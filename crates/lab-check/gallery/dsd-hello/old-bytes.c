// Clears its buffer once and treats it as a string: a shorter message has the end of the last one
// behind it.
// check: dsd-hello --server "{file} {port}"
// fails: several old-bytes
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int yes = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    if (argc < 2)
        return 1;
    address.sin_port = htons(atoi(argv[1]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1)) {
        perror("bind");
        return 1;
    }
    int connection = accept(listener, NULL, NULL);
    printf("Connected\n");
    static char buffer[1025], answer[1200];
    while (recv(connection, buffer, 1024, 0) > 0) {
        int length = snprintf(answer, sizeof answer, "I got \"%s\" from you and I am sending it back.", buffer);
        send(connection, answer, length, MSG_NOSIGNAL);
    }
    close(connection);
    close(listener);
    return 0;
}
