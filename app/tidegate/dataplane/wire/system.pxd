"""What the native wire uses of Linux and its C library."""

from libc.stdint cimport uint16_t, uint32_t

cdef extern from "<sys/epoll.h>" nogil:
    enum: EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD
    enum: EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR, EPOLLPRI, EPOLLET
    ctypedef union epoll_data_t:
        int fd
    struct epoll_event:
        uint32_t events
        epoll_data_t data
    int epoll_create1(int flags)
    int epoll_ctl(int epoll, int operation, int descriptor, epoll_event *event)
    int epoll_wait(int epoll, epoll_event *events, int room, int milliseconds)

cdef extern from "<sys/socket.h>" nogil:
    enum: AF_INET, AF_INET6, AF_UNIX, SOCK_STREAM, SOCK_NONBLOCK, SOCK_CLOEXEC, SOL_SOCKET, SO_LINGER, SHUT_WR
    enum: MSG_NOSIGNAL, MSG_MORE, MSG_PEEK
    ctypedef unsigned int socklen_t
    struct sockaddr:
        pass
    struct sockaddr_storage:
        unsigned short ss_family
    struct linger:
        int l_onoff
        int l_linger
    int c_socket "socket"(int family, int kind, int protocol)
    int c_connect "connect"(int descriptor, const sockaddr *address, socklen_t size)
    int accept4(int descriptor, sockaddr *address, socklen_t *size, int flags)
    ssize_t c_recv "recv"(int descriptor, void *buffer, size_t size, int flags)
    ssize_t c_send "send"(int descriptor, const void *buffer, size_t size, int flags)
    int c_shutdown "shutdown"(int descriptor, int how)
    int setsockopt(int descriptor, int level, int option, const void *value, socklen_t size)

cdef extern from "<sys/un.h>" nogil:
    struct sockaddr_un:
        char sun_path[108]

cdef extern from "<netinet/in.h>" nogil:
    enum: IPPROTO_TCP, INET6_ADDRSTRLEN
    struct in_addr:
        uint32_t s_addr
    struct in6_addr:
        unsigned char s6_addr[16]
    struct sockaddr_in:
        uint16_t sin_port
        in_addr sin_addr
    struct sockaddr_in6:
        uint16_t sin6_port
        in6_addr sin6_addr
        uint32_t sin6_scope_id
    bint IN6_IS_ADDR_V4MAPPED(const in6_addr *address)
    uint16_t ntohs(uint16_t number)
    uint16_t htons(uint16_t number)

cdef extern from "<netinet/tcp.h>" nogil:
    enum: TCP_NODELAY

cdef extern from "<arpa/inet.h>" nogil:
    int inet_pton(int family, const char *text, void *address)
    const char *inet_ntop(int family, const void *address, char *text, socklen_t room)

cdef extern from "<net/if.h>" nogil:
    unsigned if_nametoindex(const char *name)

cdef extern from "<unistd.h>" nogil:
    int c_close "close"(int descriptor)

cdef extern from *:
    """
    #include <sys/syscall.h>
    #ifdef SYS_close_range  /* the C library may be older than the kernel */
    static int close_both(int first) { return (int)syscall(SYS_close_range, first, first + 1, 0); }
    #else
    static int close_both(int first) { return -1; }
    #endif
    """
    int close_both(int first) nogil
    ctypedef bint flag "signed char"  # one byte, and True or False in Python
