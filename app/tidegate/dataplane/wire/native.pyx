# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# cython: binding=False, always_allow_keywords=False, embedsignature=False, auto_pickle=False
"""The wire, compiled: without exceptions and temporary objects on the common way of a byte.

`plain` says what each function and class does; this module does the same, and a test compares the two.
"""

cimport cython
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_SetFromErrno
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_DecodeASCII
from libc.errno cimport EAGAIN, EBADF, EINPROGRESS, EINTR, ENETUNREACH, errno
from libc.stdint cimport uint16_t, uint64_t, uintptr_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memchr, memcpy, memset, strcmp, strlen, strncmp
from libc.time cimport gmtime_r, strftime, time_t, tm
from posix.time cimport CLOCK_MONOTONIC, CLOCK_REALTIME, clock_gettime, timespec

from tidegate.core.reasons import CloseReason
from tidegate.core.unix_socket import UNIX as UNIX_MARK
from tidegate.dataplane.wire.interface import Reasons
from tidegate.dataplane.wire.system cimport *

cdef enum:
    BATCH = 256
    READ_ON = EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI
    NODELAY_FROM = 500
    SHORT_LINE = 4096  # bytes: a longer one is not written on the stack
    NO_CELL = -0x8000  # unlike -1 no position that a mistake leads to

cdef enum State:  # as in `interface`
    READING, BLOCKED, NEXT_TURN, SOURCE_ENDED, STOPPED

STATES = READING, BLOCKED, NEXT_TURN, SOURCE_ENDED, STOPPED

cdef enum Turn:
    IDLE, DISPATCHING, DISPATCHED

cdef str UNIX = UNIX_MARK
cdef unsigned EDGES = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | <unsigned>EPOLLET
cdef linger BREAK, END
BREAK.l_onoff, BREAK.l_linger = 1, 0
END.l_onoff, END.l_linger = 0, 0
cdef int ONE = 1
cdef object ERROR = CloseReason.ERROR
cdef bint making = False  # a flow, with all that it needs


# Flows

@cython.final
@cython.no_gc
@cython.freelist(64)
cdef class Flow:
    """One direction of a relay. `Loop.flows` makes them, two at a time."""

    # Without the collector of cycles: `stop` breaks the circle of two flows and their directions.
    cdef Loop loop
    cdef readonly object owner
    cdef object made  # the direction, once it is needed
    cdef public Flow reverse
    cdef readonly int source, sink
    cdef public uint64_t moved, spliced
    cdef uint64_t counted, counted_spliced  # on the board already
    cdef public int state, short_reads_left
    cdef public flag broken
    cdef flag nagles, to_client

    def __cinit__(self):
        if not making:
            raise TypeError("Loop.flows makes flows")

    @property
    def reasons(self):
        return reasons_of(self)

    @property
    def direction(self):
        return direction_of(self)

    def ready(self, unsigned events, /):
        flow_ready(self, events)

    def failed(self):
        self.owner.end(ERROR)

    def move(self, unsigned hints, bint more, /):
        flow_move(self, hints, more)

    def end_source(self):
        end_source(self)

    def send_without_delay(self):
        send_without_delay(self)

    def give_up(self):
        if self.state != SOURCE_ENDED:
            self.state = STOPPED
        if self.made is not None:
            self.made.release()

    def stop(self):
        self.give_up()
        self.reverse = self.made = None
        self.source = self.sink = -1


cdef Flow new_flow(Loop loop, object owner, int source, int sink, bint to_client):
    global making
    cdef Flow self
    making = True
    try:
        self = Flow.__new__(Flow)  # all is 0, False and None
    finally:
        making = False
    self.loop, self.owner = loop, owner
    self.source, self.sink = source, sink
    self.nagles, self.to_client = not to_client, to_client
    return self


cdef inline object reasons_of(Flow self):
    return self.loop.to_client if self.to_client else self.loop.to_backend


cdef object direction_of(Flow self):
    if self.made is None:
        self.made = self.loop.direction_of(self)
    return self.made


cdef int flow_ready(Flow self, unsigned events) except -1:
    cdef unsigned hints
    if events & EPOLLOUT and self.reverse is not None and self.reverse.state == BLOCKED:
        direction_of(self.reverse).flush()
    if self.state != READING:
        return ready_while_not_reading(self, events)
    if not events & ~<unsigned>EPOLLOUT:
        return 0
    hints = events & READ_ON
    if hints & EPOLLPRI:
        direction_of(self).keep_urgent()
    if hints & EPOLLERR:
        direction_of(self).source_broke()
        return 0
    return flow_move(self, hints, hints != 0)


cdef int ready_while_not_reading(Flow self, unsigned events) except -1:
    if self.state >= SOURCE_ENDED:
        if events & EPOLLERR:
            self.owner.end(reasons_of(self)[1])
    elif events & EPOLLERR:
        direction_of(self).source_broke()
    elif events & EPOLLPRI:
        direction_of(self).keep_urgent()
    return 0


cdef int flow_move(Flow self, unsigned hints, bint more) except -1:
    cdef Loop loop = self.loop
    cdef ssize_t size, written
    cdef bytes unsent
    if (self.short_reads_left > 0 or loop.always_splices) and direction_of(self).splice():
        return 0
    size = c_recv(self.source, loop.buffer, loop.full, 0)
    if size < 0:
        if errno != EAGAIN and errno != EINTR:
            self.owner.end(reasons_of(self)[1])  # all that had come before has been passed on
        return 0
    if not size:
        return end_source(self)
    if self.nagles and (self.moved or size > NODELAY_FROM):
        send_without_delay(self)
    written = c_send(self.sink, loop.buffer, size, MSG_NOSIGNAL | (MSG_MORE if hints & EPOLLRDHUP else 0))
    if written < 0:
        if errno != EAGAIN and errno != EINTR:
            direction_of(self).sink_broke(errno)
            return 0
        written = 0
    self.moved += written
    if written == size and size < loop.little and (not more or hints == EPOLLRDHUP):
        self.short_reads_left = 0
        return end_source(self) if more else 0  # the end had come before the read
    unsent = PyBytes_FromStringAndSize(loop.buffer + written, size - written)  # before anything else can use the buffer
    direction_of(self).go_on(size, unsent, hints, more)
    return 0


cdef int end_source(Flow self) except -1:
    if self.broken:
        direction_of(self).source_ended()
        return 0
    self.state = SOURCE_ENDED
    if self.reverse is not None and self.reverse.state == SOURCE_ENDED:
        self.owner.end(reasons_of(self.reverse)[0])  # closing the sockets passes this end on, too
    elif c_shutdown(self.sink, SHUT_WR) < 0:
        direction_of(self).sink_broke(errno)
    elif self.to_client:
        self.owner.backend_ended()
    return 0


cdef void send_without_delay(Flow self) noexcept:
    if self.nagles:
        self.nagles = False
        setsockopt(self.sink, IPPROTO_TCP, TCP_NODELAY, &ONE, sizeof(ONE))


# The loop

@cython.final
cdef class Loop:
    """One epoll instance, and what handles the events of each descriptor."""

    cdef int epoll, count, closing, closing_room
    cdef Turn turn
    cdef bint always_splices
    cdef list handlers  # by descriptor
    cdef int *to_close
    cdef char *buffer
    cdef ssize_t full, little
    cdef object bug, direction_of, to_backend, to_client
    cdef epoll_event events[BATCH]

    def __cinit__(self, bug, /):
        self.epoll = -1
        self.handlers = []
        self.bug = bug
        self.epoll = epoll_create1(EPOLL_CLOEXEC)
        if self.epoll < 0:
            PyErr_SetFromErrno(OSError)

    def __dealloc__(self):
        if self.epoll > 0:  # 0 if the arguments of __cinit__ were wrong
            c_close(self.epoll)
        free(self.to_close)
        free(self.buffer)

    def configure(self, ssize_t size, direction_of, to_backend, to_client, *, bint always_splices):
        cdef char *buffer
        if size < 4:
            raise ValueError("a buffer has at least 4 bytes")
        self.to_backend, self.to_client = Reasons(*to_backend), Reasons(*to_client)
        buffer = <char *>realloc(self.buffer, size)
        if not buffer:
            raise MemoryError
        self.buffer, self.full, self.little = buffer, size, size // 4
        self.direction_of, self.always_splices = direction_of, always_splices

    def register(self, int descriptor, unsigned events, handler not None, /):
        watch(self, EPOLL_CTL_ADD, descriptor, events)
        put(self, descriptor, handler)

    def modify(self, int descriptor, unsigned events, /):
        watch(self, EPOLL_CTL_MOD, descriptor, events)

    def unregister(self, int descriptor, /):
        forget(self, descriptor)
        watch(self, EPOLL_CTL_DEL, descriptor, 0)

    def hand_over(self, int descriptor, handler not None, /):
        hand_over(self, descriptor, handler)

    def dial(self, Target target not None, options, handler not None, /):
        cdef int descriptor = connect(target, options)
        if descriptor >= 0:
            try:
                watch(self, EPOLL_CTL_ADD, descriptor, EDGES)
                put(self, descriptor, handler)
            except:
                c_close(descriptor)
                raise
        return descriptor

    def flows(self, owner not None, int client, int backend, /):
        cdef Flow to_backend, to_client
        if not self.buffer:
            raise ValueError("not configured")
        if client < 0 or backend < 0:
            raise ValueError("not a descriptor")
        to_backend = new_flow(self, owner, client, backend, False)
        to_client = new_flow(self, owner, backend, client, True)
        to_backend.reverse, to_client.reverse = to_client, to_backend
        return to_backend, to_client

    def relay(self, Flow to_backend not None, Flow to_client not None, /):
        hand_over(self, to_client.source, to_client)
        flow_move(to_backend, 0, False)
        if to_backend.reverse is not None:  # else that was the end of it
            watch(self, EPOLL_CTL_ADD, to_backend.source, EDGES)
            put(self, to_backend.source, to_backend)

    def end_in_order(self, Flow to_backend not None, Flow to_client not None, /):
        cdef int client = to_backend.source, backend = to_client.source
        try:
            to_backend.stop()
            to_client.stop()
        finally:
            close_in_order(self, client)
            close_in_order(self, backend)

    def close(self, int descriptor, /):
        close_later(self, descriptor)

    def close_in_order(self, int descriptor, /):
        close_in_order(self, descriptor)

    def wait(self, double seconds, /):
        cdef int milliseconds = -1
        if self.turn != IDLE:
            raise RuntimeError("the last batch is not finished")
        if seconds >= 0:
            milliseconds = 1000000000 if seconds > 1e6 else <int>(seconds * 1000 + 0.999999)
        elif not seconds < 0:
            raise ValueError("not a number of seconds")
        # With the interpreter's lock: a worker has one thread, and to give the lock and take it again costs 800 instructions.
        self.count = epoll_wait(self.epoll, self.events, BATCH, milliseconds)
        if self.count < 0:
            self.count = 0
            if errno != EINTR:
                PyErr_SetFromErrno(OSError)
        return monotonic()

    def dispatch(self):
        cdef int descriptor, i = 0
        cdef unsigned events
        cdef object handler = None
        cdef list handlers = self.handlers  # it grows in place
        if self.turn != IDLE:
            raise RuntimeError("the last batch is not finished")
        self.turn = DISPATCHING
        try:
            while i < self.count:
                try:  # entered once for as many events as there are without an exception
                    while i < self.count:
                        descriptor, events = self.events[i].data.fd, self.events[i].events
                        i += 1
                        handler = handlers[descriptor] if descriptor < len(handlers) else None
                        if type(handler) is Flow:
                            flow_ready(<Flow>handler, events)
                        elif handler is not None:
                            handler.ready(events)
                except Exception:
                    self.bug(handler)
        finally:
            self.count = 0
            self.turn = DISPATCHED

    def finish(self):
        if self.turn == DISPATCHING:
            raise RuntimeError("the batch is not worked off")
        self.turn = IDLE
        close_all(self)

    def end(self):
        if self.epoll >= 0:
            c_close(self.epoll)
            self.epoll = -1


cdef int put(Loop self, int descriptor, object handler) except -1:
    """Of an open descriptor: the numbers of these are limited."""
    cdef Py_ssize_t size = len(self.handlers)
    if descriptor >= size:
        self.handlers.extend([None] * (max(1024, <Py_ssize_t>descriptor * 2) - size))
    self.handlers[descriptor] = handler
    return 0


cdef int hand_over(Loop self, int descriptor, object handler) except -1:
    if not 0 <= descriptor < len(self.handlers) or self.handlers[descriptor] is None:
        raise ValueError("not a registered descriptor")
    self.handlers[descriptor] = handler
    return 0


cdef int forget(Loop self, int descriptor) except -1:
    if 0 <= descriptor < len(self.handlers):
        self.handlers[descriptor] = None
    return 0


cdef int watch(Loop self, int operation, int descriptor, unsigned events) except -1:
    cdef epoll_event event
    event.events, event.data.fd = events, descriptor
    if epoll_ctl(self.epoll, operation, descriptor, &event) < 0:
        PyErr_SetFromErrno(OSError)
    return 0


cdef int close_in_order(Loop self, int descriptor) except -1:
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &END, sizeof(END))
    return close_later(self, descriptor)


cdef int close_later(Loop self, int descriptor) except -1:
    cdef int room
    cdef int *more
    if descriptor < 0:
        raise ValueError("not a descriptor")
    forget(self, descriptor)
    if self.closing == self.closing_room:
        room = self.closing_room * 2 or 64
        more = <int *>realloc(self.to_close, room * sizeof(int))
        if not more:
            raise MemoryError
        self.to_close, self.closing_room = more, room
    self.to_close[self.closing] = descriptor
    self.closing += 1
    if self.turn == IDLE:
        close_all(self)
    return 0


cdef int close_all(Loop self) except -1:
    """Two sockets of one session often have neighbouring numbers: then they are closed by one call."""
    cdef int *descriptors = self.to_close
    cdef int low, apart, not_open = 0, i = 0
    while i < self.closing:
        low = apart = 0
        if i + 1 < self.closing:
            low, apart = min(descriptors[i], descriptors[i + 1]), abs(descriptors[i] - descriptors[i + 1])
        if low and apart == 1 and not close_both(low):
            i += 2
        else:
            if c_close(descriptors[i]) < 0 and errno == EBADF:
                not_open += 1
            i += 1
    self.closing = 0
    if not_open:
        raise OSError(EBADF, "a descriptor to close was not open")
    return 0


# Sockets

@cython.final
cdef class Target:
    """Where to connect to."""

    cdef sockaddr_storage address
    cdef socklen_t size
    cdef long port
    cdef bytes interface  # that the address names, or None

    def __cinit__(self, str host not None, long port, /):
        cdef sockaddr_in *four = <sockaddr_in *>&self.address
        cdef sockaddr_in6 *six = <sockaddr_in6 *>&self.address
        cdef bytes number, interface
        cdef object sign
        memset(&self.address, 0, sizeof(self.address))
        if "\0" in host:
            raise ValueError("not an address: it has a zero byte")
        self.port = port
        if host.startswith("unix:/"):
            set_path(self, host)
            return
        number, sign, interface = host.encode().partition(b"%")
        if not sign and inet_pton(AF_INET, number, &four.sin_addr) == 1:
            self.address.ss_family, self.size = AF_INET, sizeof(sockaddr_in)
        elif (interface or not sign) and inet_pton(AF_INET6, number, &six.sin6_addr) == 1:
            self.address.ss_family, self.size = AF_INET6, sizeof(sockaddr_in6)
            self.interface = interface or None
        else:
            raise ValueError(f"not an IP address: {host}")
        four.sin_port = htons(<uint16_t>port)  # at the same place in both


cdef int set_path(Target self, str host) except -1:
    """Set the path of a Unix socket."""
    cdef sockaddr_un *unix = <sockaddr_un *>&self.address
    cdef bytes path = host[len(UNIX):].encode()
    if len(path) >= <Py_ssize_t>sizeof(unix.sun_path):
        raise ValueError(f"not a Unix socket: {host}")
    memcpy(unix.sun_path, <const char *>path, len(path))
    self.address.ss_family, self.size = AF_UNIX, sizeof(sockaddr_un)
    return 0


cdef int find_interface(Target self) except -1:
    """Set the scope of the address. 0 when its interface is not there."""
    cdef sockaddr_in6 *six = <sockaddr_in6 *>&self.address
    cdef bint is_number = self.interface.isdigit() and len(self.interface) < 10
    six.sin6_scope_id = int(self.interface) if is_number else if_nametoindex(self.interface)
    return six.sin6_scope_id != 0


cdef int connect(Target target, object options) except? -1:
    """A descriptor, or a negative error number."""
    cdef int error, level, option, value, descriptor
    if not 0 <= target.port <= 0xFFFF:
        raise OverflowError("a port is at most 65535")
    descriptor = c_socket(target.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
    if descriptor < 0:
        PyErr_SetFromErrno(OSError)
    try:
        if setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &BREAK, sizeof(BREAK)) < 0:
            PyErr_SetFromErrno(OSError)
        for level, option, value in options:
            if level == IPPROTO_TCP and target.address.ss_family == AF_UNIX:
                continue
            if setsockopt(descriptor, level, option, &value, sizeof(value)) < 0:
                PyErr_SetFromErrno(OSError)
        if target.interface is not None and not find_interface(target):
            c_close(descriptor)
            return -ENETUNREACH
    except:
        c_close(descriptor)
        raise
    if c_connect(descriptor, <sockaddr *>&target.address, target.size) < 0 and errno != EINPROGRESS:
        error = errno
        c_close(descriptor)
        return -error
    return descriptor


def accept(int listening, /):
    cdef sockaddr_storage peer
    cdef socklen_t size = sizeof(peer)
    cdef char host[INET6_ADDRSTRLEN]
    cdef char *end
    cdef sockaddr_in *four = <sockaddr_in *>&peer
    cdef sockaddr_in6 *six = <sockaddr_in6 *>&peer
    cdef int descriptor = accept4(listening, <sockaddr *>&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC)
    if descriptor < 0:
        return -errno
    if peer.ss_family == AF_INET:
        end = dotted(host, <unsigned char *>&four.sin_addr)
    elif peer.ss_family != AF_INET6:
        return descriptor, UNIX, 0
    elif IN6_IS_ADDR_V4MAPPED(&six.sin6_addr):
        end = dotted(host, six.sin6_addr.s6_addr + 12)
    else:
        inet_ntop(AF_INET6, &six.sin6_addr, host, sizeof(host))
        end = host + strlen(host)
    try:
        return descriptor, PyUnicode_DecodeASCII(host, end - host, NULL), ntohs(four.sin_port)
    except:
        c_close(descriptor)
        raise


cdef char *dotted(char *to, const unsigned char *four) noexcept nogil:
    """Write an IPv4 address; inet_ntop takes 2,000 instructions for it."""
    cdef int i
    for i in range(3):
        to = digits(to, four[i])
        to[0] = c'.'
        to += 1
    return digits(to, four[3])


def set_option(int descriptor, int level, int option, int value, /):
    if setsockopt(descriptor, level, option, &value, sizeof(value)) < 0:
        PyErr_SetFromErrno(OSError)


def send(int descriptor, bytes data not None, /):
    cdef ssize_t sent = c_send(descriptor, <const char *>data, len(data), MSG_NOSIGNAL)
    return sent if sent >= 0 else -errno


def peek(int descriptor, /):
    cdef char byte = 0
    cdef ssize_t size = c_recv(descriptor, &byte, 1, MSG_PEEK)
    return size if size >= 0 else -errno


def receive(int descriptor, Py_ssize_t most, bint keep, /):
    if most < 1:
        raise ValueError("expected to receive at least a byte")
    cdef bytes data = PyBytes_FromStringAndSize(NULL, most)
    cdef ssize_t size = c_recv(descriptor, <char *>data, most, MSG_PEEK if keep else 0)
    return data[:size] if size >= 0 else -errno


# Counters

@cython.final
@cython.no_gc
cdef class Cells:
    """The numbers of a board by position."""

    cdef Py_buffer view

    def __cinit__(self, board, /):
        PyObject_GetBuffer(board, &self.view, PyBUF_WRITABLE | PyBUF_FORMAT | PyBUF_ND)
        if not self.view.format or strcmp(self.view.format, b"Q") or <uintptr_t>self.view.buf % sizeof(uint64_t):
            raise ValueError("cells are aligned unsigned numbers of 8 bytes: a memoryview of format Q")

    def __dealloc__(self):
        PyBuffer_Release(&self.view)

    def __getitem__(self, Py_ssize_t position):
        return cell(self, position)[0]

    def __setitem__(self, Py_ssize_t position, uint64_t number):
        cell(self, position)[0] = number

    def one_more(self, Py_ssize_t a, Py_ssize_t b=NO_CELL, Py_ssize_t c=NO_CELL, /):
        change(self, a, b, c, 1)

    def one_less(self, Py_ssize_t a, Py_ssize_t b=NO_CELL, Py_ssize_t c=NO_CELL, /):
        if not (cell(self, a)[0] and (b == NO_CELL or cell(self, b)[0]) and (c == NO_CELL or cell(self, c)[0])):
            raise ValueError("a cell is 0 already")
        change(self, a, b, c, -1)

    def count_moved(
        self, Flow to_backend not None, Flow to_client not None, Py_ssize_t sent_cell, Py_ssize_t received_cell,
        Py_ssize_t copied_cell, Py_ssize_t spliced_cell, /,
    ):
        cdef uint64_t sent = to_backend.moved - to_backend.counted, received = to_client.moved - to_client.counted
        cdef uint64_t spliced = to_backend.spliced - to_backend.counted_spliced
        if not sent and not received:
            return False
        spliced += to_client.spliced - to_client.counted_spliced
        cell(self, sent_cell)[0] += sent
        cell(self, received_cell)[0] += received
        cell(self, copied_cell)[0] += sent + received - spliced
        cell(self, spliced_cell)[0] += spliced
        to_backend.counted, to_backend.counted_spliced = to_backend.moved, to_backend.spliced
        to_client.counted, to_client.counted_spliced = to_client.moved, to_client.spliced
        return True

    def observe(self, Py_ssize_t first, bytes bounds not None, double seconds, Py_ssize_t also, /):
        cdef const double *limits = <const double *><const char *>bounds
        cdef Py_ssize_t bucket = 0, count = len(bounds) // <Py_ssize_t>sizeof(double)
        cdef uint64_t *total = cell(self, first)
        cdef uint64_t *other = cell(self, also)
        cell(self, first + 1 + count)
        if len(bounds) % sizeof(double) or not 0 <= seconds < 1e12:
            raise ValueError("bounds are doubles, and an observation is a number of seconds")
        while bucket < count and limits[bucket] < seconds:
            bucket += 1
        total[0] += <uint64_t>(seconds * 1e6)
        total[1 + bucket] += 1
        other[0] += 1


cdef inline uint64_t *cell(Cells self, Py_ssize_t position) except NULL:
    if position < 0 or position >= self.view.len // 8:
        raise IndexError("no such cell")
    return <uint64_t *>self.view.buf + position


cdef int change(Cells self, Py_ssize_t a, Py_ssize_t b, Py_ssize_t c, int by) except -1:
    cell(self, a)[0] += by
    if b != NO_CELL:
        cell(self, b)[0] += by
    if c != NO_CELL:
        cell(self, c)[0] += by
    return 0


# Log lines

cdef time_t stamped = -1  # the second that `stamp` is of
cdef char stamp[32]
cdef char is_escaped[256]  # in JSON; a table takes half the instructions of a comparison
cdef int any_byte
for any_byte in range(256):
    is_escaped[any_byte] = any_byte < 0x20 or any_byte in b'"\\'


cdef struct Text:
    const char *start
    Py_ssize_t size


def session_line(
    prefix, uint64_t number, listener, pool, backend, host, unsigned port, uint64_t sent, uint64_t received, long long connect,
    long long duration, unsigned attempts, reason, bytes rest not None, /,
):
    cdef Text[6] texts
    cdef char short_line[SHORT_LINE]
    cdef char *line = short_line
    cdef char *to
    cdef Py_ssize_t room = 400 + len(rest)  # 400 for all that is always there
    if host is None:
        raise TypeError("a client has an address")
    room += view(prefix, &texts[0]) + view(listener, &texts[1]) + view(pool, &texts[2])
    room += view(backend, &texts[3]) + view(host, &texts[4]) + view(reason, &texts[5])
    if room > SHORT_LINE:
        line = <char *>malloc(room)
        if not line:
            raise MemoryError
    to = timestamp(literal(line, b'{"timestamp":"'))
    to = literal(to, b'","level":"info","event":"session_closed","session":"')
    to = digits(literal(escaped(to, &texts[0]), b'-'), number)
    to = quoted(literal(to, b'","listener":'), &texts[1])
    to = quoted(literal(to, b',"pool":'), &texts[2])
    to = quoted(literal(to, b',"backend":'), &texts[3])
    to = literal(to, b',"client":"')
    if not memchr(texts[4].start, c':', texts[4].size):
        to = digits(literal(escaped(to, &texts[4]), b':'), port)
    elif strncmp(texts[4].start, b"unix:", 5):
        to = digits(literal(escaped(literal(to, b'['), &texts[4]), b']:'), port)
    else:
        to = escaped(to, &texts[4])
    to = digits(literal(to, b'","sent_bytes":'), sent)
    to = digits(literal(to, b',"received_bytes":'), received)
    to = milliseconds(literal(to, b',"connect_ms":'), connect)
    to = milliseconds(literal(to, b',"duration_ms":'), duration)
    to = digits(literal(to, b',"attempts":'), attempts)
    to = quoted(literal(to, b',"reason":'), &texts[5])
    to = literal(copied(to, rest, len(rest)), b'}\n')
    try:
        return PyBytes_FromStringAndSize(line, to - line)
    finally:
        if line != short_line:
            free(line)


cdef Py_ssize_t view(object string, Text *text) except -1:
    """Look at a string, or at None; answers the most that it takes as JSON."""
    text.start, text.size = NULL, 0
    if string is not None:
        text.start = PyUnicode_AsUTF8AndSize(string, &text.size)
    return 6 * text.size + 6


cdef char *quoted(char *to, const Text *text) noexcept nogil:
    """Write a string, or null where there is none, as JSON."""
    if not text.start:
        return literal(to, b'null')
    return literal(escaped(literal(to, b'"'), text), b'"')


cdef char *escaped(char *to, const Text *text) noexcept nogil:
    """Write what a string has between its quotes."""
    cdef Py_ssize_t i
    for i in range(text.size):
        if is_escaped[<unsigned char>text.start[i]]:
            return with_escapes(to, text)
    return copied(to, text.start, text.size)


cdef char *with_escapes(char *to, const Text *text) noexcept nogil:
    """Write a string with the escapes that orjson has."""
    cdef const char *escapable = b'"\\\b\f\n\r\t'
    cdef const char *found
    cdef unsigned char byte
    cdef Py_ssize_t i, plain = 0
    while plain < text.size and not is_escaped[<unsigned char>text.start[plain]]:
        plain += 1
    to = copied(to, text.start, plain)
    for i in range(plain, text.size):
        byte = text.start[i]
        found = <const char *>memchr(escapable, byte, 7)
        if found:
            to[0], to[1] = c'\\', (<const char *>b'"\\bfnrt')[found - escapable]
            to += 2
        elif byte < 0x20:
            to = literal(to, b'\\u00')
            to[0], to[1] = (<const char *>b'01')[byte >> 4], (<const char *>b'0123456789abcdef')[byte & 15]
            to += 2
        else:
            to[0] = byte
            to += 1
    return to


cdef char *timestamp(char *to) noexcept nogil:
    """Write the time of the system's clock as ISO 8601, in UTC and microseconds."""
    global stamped
    cdef timespec now
    cdef tm parts
    cdef unsigned left
    cdef int i
    clock_gettime(CLOCK_REALTIME, &now)
    if now.tv_sec != stamped:
        stamped = now.tv_sec
        gmtime_r(&stamped, &parts)
        strftime(stamp, sizeof(stamp), b"%Y-%m-%dT%H:%M:%S.", &parts)
    to = copied(to, stamp, 20)
    left = now.tv_nsec // 1000
    for i in range(5, -1, -1):
        to[i] = c'0' + left % 10
        left //= 10
    to[6] = c'Z'
    return to + 7


cdef char *digits(char *to, uint64_t number) noexcept nogil:
    cdef char backwards[20]
    cdef int at = 20
    while True:
        at -= 1
        backwards[at] = c'0' + number % 10
        number //= 10
        if not number:
            break
    return copied(to, backwards + at, 20 - at)


cdef char *milliseconds(char *to, long long microseconds) noexcept nogil:
    """Write them with as few decimals as say it, but one at least."""
    cdef unsigned rest
    if microseconds < 0:
        return literal(to, b'null')
    to = digits(to, microseconds // 1000)
    rest = microseconds % 1000
    to[0], to[1] = c'.', c'0' + rest // 100
    to += 2
    if rest % 100:
        to[0] = c'0' + rest // 10 % 10
        to += 1
    if rest % 10:
        to[0] = c'0' + rest % 10
        to += 1
    return to


cdef inline char *copied(char *to, const char *what, size_t size) noexcept nogil:
    memcpy(to, what, size)
    return to + size


cdef inline char *literal(char *to, const char *what) noexcept nogil:
    return copied(to, what, strlen(what))


cdef double monotonic() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec + now.tv_nsec * 1e-9
