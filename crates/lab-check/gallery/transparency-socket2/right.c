// A right answer in C: perror writes the system's words to stderr.
// check: transparency-socket2 --program "{file}"
#include <stdio.h>
#include <sys/socket.h>

int main(void) {
    if (socket(AF_INET, SOCK_STREAM, 0) < 0) {
        perror("Failed to create socket");
        return 1;
    }
    puts("Socket Created");
    return 0;
}
