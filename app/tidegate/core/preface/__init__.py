"""The first bytes of a connection, as values: what must be known before a backend is dialled.

| module | what |
| --- | --- |
| `outcome` | what a reader returns when it has no facts |
| `proxy_header`, `proxy_facts`, `proxy_v1`, `proxy_v2`, `proxy_tlvs`, `crc32c` | the PROXY header, read and written |
| `client_hello`, `tls_records`, `vectors`, `server_name` | names and protocols in the ClientHello of TLS |
| `request_head`, `request_target`, `authority` | method, host and path of an HTTP/1 request |
| `routes`, `name_pattern` | which pool these facts lead to |
| `access_list`, `address_ranges`, `packed_address` | which client addresses are let in |

A reader is a function of the first bytes of a stream, as MSG_PEEK returns them. It is called again with the same bytes and
more of them, and keeps nothing between calls. It returns a value for any input and does not look at what follows its own
part of the stream. Once it has returned anything but `Incomplete`, more bytes change nothing but the words of a reason.
"""
