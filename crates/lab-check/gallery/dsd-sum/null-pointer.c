// A server in C that asks strtok for one word more than there is, and follows the null pointer.
// check: dsd-sum --server "{file} {port}"
// fails: whole crashes
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
    char buffer[1025], answer[32];
    ssize_t count;
    int yes = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(argc > 1 ? atoi(argv[1]) : 65432)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 5) < 0) {
        perror("bind or listen");
        return 1;
    }
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        while ((count = recv(connection, buffer, sizeof buffer - 1, 0)) > 0) {
            buffer[count] = '\0';
            long sum = 0;
            for (char *word = strtok(buffer, " "); *word != '\0'; word = strtok(NULL, " ")) {
                sum += atol(word);
            }
            snprintf(answer, sizeof answer, "%ld", sum);
            send(connection, answer, strlen(answer), MSG_NOSIGNAL);
        }
        close(connection);
    }
}
