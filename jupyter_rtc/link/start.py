"""What a page's own encoder begins with: sharp, at once, for page and kernel are most often one machine."""

from __future__ import annotations

#: Kilobits a second. Chromium begins with 300, and shows it; Firefox passes this over.
START = 4000


def with_start_bitrate(answer: str, kilobits: int = START) -> str:
    """Return the kernel's answer, asking the page to begin video that the kernel receives at this rate."""
    sections = answer.split("\r\nm=")
    return "\r\nm=".join(
        [
            _section(section, f"x-google-start-bitrate={kilobits}")
            if section.startswith("video ") and "\r\na=recvonly" in section
            else section
            for section in sections
        ]
    )


def _section(section: str, parameter: str) -> str:
    lines = section.split("\r\n")
    out = []
    for line in lines:
        if line.startswith("a=fmtp:") and "apt=" not in line:
            line = f"{line};{parameter}"
        out.append(line)
        if line.startswith("a=rtpmap:") and "/90000" in line and " rtx/" not in line:
            number = line[len("a=rtpmap:") :].split()[0]
            if not any(other.startswith(f"a=fmtp:{number} ") for other in lines):
                out.append(f"a=fmtp:{number} {parameter}")
    return "\r\n".join(out)
