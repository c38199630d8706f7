// A right answer in C.
// check: transparency-socket3 --client "{file} {host} {port}"
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
    char ip[INET_ADDRSTRLEN];
    int server = socket(AF_INET, SOCK_STREAM, 0);
    puts("Socket Created");
    if (getaddrinfo(argv[1], argv[2], &hints, &found)) {
        puts("Hostname could not be resolved. Exiting");
        return 1;
    }
    inet_ntop(AF_INET, &((struct sockaddr_in *)found->ai_addr)->sin_addr, ip, sizeof ip);
    printf("Ip address of %s is %s\n", argv[1], ip);
    if (connect(server, found->ai_addr, found->ai_addrlen)) {
        perror("cannot connect");
        return 1;
    }
    printf("Socket Connected to %s on ip %s\n", argv[1], ip);
    return 0;
}
