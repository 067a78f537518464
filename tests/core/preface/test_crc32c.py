"""The checksum of PROXY headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.preface.crc32c import crc32c


@pytest.mark.parametrize(
    ("data", "checksum"),
    [
        pytest.param(b"", 0, id="nothing"),
        pytest.param(b"123456789", 0xE3069283, id="check-value"),
        pytest.param(bytes(32), 0x8A9136AA, id="zeros"),  # this and the next three: RFC 3720, appendix B.4
        pytest.param(b"\xff" * 32, 0x62A8AB43, id="ones"),
        pytest.param(bytes(range(32)), 0x46DD794E, id="upwards"),
        pytest.param(bytes(range(31, -1, -1)), 0x113FDB5C, id="downwards"),
    ],
)
def test_checksums_are_those_of_the_rfc(data: bytes, checksum: int) -> None:
    assert crc32c(data) == checksum


@given(st.binary(min_size=1, max_size=64), st.data())
def test_no_change_of_one_byte_keeps_the_checksum(data: bytes, draw: st.DataObject) -> None:
    position = draw.draw(st.integers(0, len(data) - 1))
    other = draw.draw(st.integers(1, 255)) ^ data[position]
    assert crc32c(data[:position] + bytes([other]) + data[position + 1 :]) != crc32c(data)
