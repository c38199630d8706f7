// A right answer in C with its own words.
// check: transparency-socket2 --program "{file}"
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connection < 0) {
        perror("could not get a socket");
        return 1;
    }
    printf("Yes, the kernel gave me socket number %d\n", connection);
    close(connection);
    return 0;
}
