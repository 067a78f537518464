"""nginx, HAProxy and Varnish at either side of the proxy: as load balancers in front of it, and as servers behind it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tests.support.missing import skip_or_fail
from tests.support.ports import free_port
from tests.support.servers import START, Server, listens, program, running
from tests.support.waiting import until

STREAM_MODULE: Final = Path("/usr/lib/nginx/modules/ngx_stream_module.so")

NGINX: Final = """
load_module {module};
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr info;
events {{ worker_connections 64; }}
{blocks}
"""
NGINX_SENDS: Final = """
stream {{ server {{ listen 127.0.0.1:{port}; proxy_pass 127.0.0.1:{to}; proxy_protocol on; }} }}
"""
NGINX_WITHOUT_FILES: Final = """
    access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
"""
NGINX_EXPECTS: Final = (
    "http {{"
    + NGINX_WITHOUT_FILES
    + """
    server {{
        listen 127.0.0.1:{port} proxy_protocol;
        location / {{ return 200 "$proxy_protocol_addr $proxy_protocol_server_port"; }}
    }}
}}
"""
)
NGINX_SAYS_ITS_PORT: Final = (
    "http {{"
    + NGINX_WITHOUT_FILES
    + """
    server {{
        listen 127.0.0.1:{port}; listen 127.0.0.1:{second}; listen 127.0.0.1:{third};
        location / {{ return 200 "$server_port"; }}
    }}
}}
"""
)
HAPROXY: Final = """
defaults
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    retries 0
{sections}
"""
HAPROXY_SENDS: Final = """
listen sends
    mode tcp
    bind 127.0.0.1:{port}
    server tidegate 127.0.0.1:{to} {option}
"""
HAPROXY_SENDS_IPV6: Final = """
listen first
    mode tcp
    bind 127.0.0.1:{port}
    tcp-request connection set-src ipv6(2001:db8:0:1::1)
    server tidegate 127.0.0.1:{to} send-proxy-v2
listen second
    mode tcp
    bind 127.0.0.1:{second}
    tcp-request connection set-src ipv6(2001:db8:0:1:ffff::2)
    server tidegate 127.0.0.1:{to} send-proxy-v2
listen third
    mode tcp
    bind 127.0.0.1:{third}
    tcp-request connection set-src ipv6(2001:db8:0:2::1)
    server tidegate 127.0.0.1:{to} send-proxy-v2
"""
HAPROXY_EXPECTS: Final = """
frontend expects
    mode http
    bind 127.0.0.1:{port} accept-proxy
    http-request return status 200 content-type text/plain lf-string "%[src] %[dst_port]"
"""
HAPROXY_IS_TOLD: Final = """
frontend told
    mode http
    bind 127.0.0.1:{port} accept-proxy
    http-request return status 200 content-type text/plain lf-string "%[fc_pp_authority] %[fc_pp_unique_id]"
"""
HAPROXY_BEFORE: Final = """
listen before
    mode tcp
    bind 127.0.0.1:{port} accept-proxy
    bind 127.0.0.1:{plain}
    server one 127.0.0.1:{to}
"""
VARNISH: Final = """
vcl 4.1;
import std;
backend default none;
sub vcl_recv {{ return (synth(200)); }}
sub vcl_synth {{
    set resp.http.Content-Type = "text/plain";
    set resp.body = "" + client.ip + " " + std.port(server.ip);
    return (deliver);
}}
"""


@asynccontextmanager
async def nginx(folder: Path, blocks: str, **values: object) -> AsyncIterator[Server]:
    """An nginx with these blocks at a free port; `{port}`, `{folder}` and the values are filled in."""
    if not STREAM_MODULE.exists():
        skip_or_fail("nginx's stream module is not installed: see tests/support/system_packages.sh")
    server = Server(free_port(), folder / "nginx.log")
    written = blocks.format(port=server.port, folder=folder, **values)
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX.format(module=STREAM_MODULE, folder=folder, blocks=written))
    async with running(program("nginx"), "-p", str(folder), "-c", str(configuration), log=server.log):
        await until(lambda: listens(server.port), seconds=START)
        yield server


@asynccontextmanager
async def haproxy(folder: Path, sections: str, **values: object) -> AsyncIterator[Server]:
    """An HAProxy with these sections at a free port."""
    server = Server(free_port(), folder / "haproxy.log")
    configuration = folder / "haproxy.cfg"
    configuration.write_text(HAPROXY.format(sections=sections.format(port=server.port, **values)))
    async with running(program("haproxy"), "-db", "-f", str(configuration), log=server.log):
        await until(lambda: listens(server.port), seconds=START)
        yield server


@asynccontextmanager
async def varnish(folder: Path) -> AsyncIterator[Server]:
    """A Varnish at a free port, which expects PROXY headers and answers with the client's address and that port."""
    server = Server(free_port(), folder / "varnish.log")
    configuration = folder / "varnish.vcl"
    configuration.write_text(VARNISH.format())
    options = ["-F", "-j", "none", "-n", str(folder / "varnish"), "-s", "malloc,1m", "-T", "none"]
    listen = ["-a", f"127.0.0.1:{server.port},PROXY", "-f", str(configuration)]
    async with running(program("varnishd"), *options, *listen, log=server.log):
        await until(lambda: listens(server.port), seconds=START)
        yield server
