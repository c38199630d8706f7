// A right answer in C.
// check: transparency-socket1 --program "{file}"
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    if (descriptor < 0) {
        perror("cannot create a TCP socket");
        return 1;
    }
    close(descriptor);
    return 0;
}
