"""Which file systems are a container's own."""

from __future__ import annotations

from chaos.agent.mounts import VOLUME, parse

TEXT = (
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "42 27 254:0 /var /var/lib/my\\040docker rw shared:1 - ext4 /dev/vda rw,discard\n"
    "113 42 0:52 / / rw,relatime shared:4 master:2 - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w\n"
)


def test_mountinfo_is_read_as_proc_5_has_it() -> None:
    """Optional fields end at a dash, blanks are octal."""
    found = {mount.id: mount for mount in parse(TEXT)}
    assert (found[31].device, found[31].kind, found[31].point) == ("0:28", "tmpfs", "/sys/fs/cgroup")
    assert (found[42].point, found[42].source) == ("/var/lib/my docker", "/dev/vda")
    assert found[113].options == "rw,lowerdir=/l,upperdir=/u,workdir=/w"


def test_only_the_engines_own_mount_of_a_volume_is_one() -> None:
    """A folder of the same name elsewhere is somebody's."""
    assert VOLUME.fullmatch("/var/lib/docker/volumes/shop_data/_data")
    assert not VOLUME.fullmatch("/srv/volumes/shop/data")
    assert not VOLUME.fullmatch("/var/lib/docker/volumes/shop_data/_data/inner")
