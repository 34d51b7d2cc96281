//! The kernel's table of TCP sockets, where it shows one (Linux): who holds a port, and whose program has connected.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// One line of `/proc/net/tcp` or `/proc/net/tcp6` (proc(5)).
#[derive(Debug, PartialEq, Eq)]
struct Socket {
    local: SocketAddr,
    remote: SocketAddr,
    listens: bool,
    user: u32,
    inode: u64,
}

/// The program that listens on `address`, as `python3 (process 4711)`, if it is one of this user's own: the kernel shows
/// no more.
pub(crate) fn holder(address: SocketAddr) -> Option<String> {
    let names: Vec<String> = table()?
        .filter(|socket| socket.listens && socket.local.port() == address.port())
        .filter(|socket| socket.local.ip() == address.ip() || socket.local.ip().is_unspecified())
        .map(|socket| format!("socket:[{}]", socket.inode))
        .collect();
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    let holder = processes
        .filter_map(|process| process.file_name().to_str()?.parse::<u32>().ok())
        .find(|id| {
            let open = std::fs::read_dir(format!("/proc/{id}/fd"));
            open.into_iter().flatten().flatten().any(|file| {
                std::fs::read_link(file.path()).is_ok_and(|target| {
                    names.iter().any(|name| target.as_os_str() == name.as_str())
                })
            })
        })?;
    let name = std::fs::read_to_string(format!("/proc/{holder}/comm")).ok()?;
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    Some(format!("{name} (process {holder})"))
}

/// Whether a program of another user than ours is known to be on the other side of a connection.
pub(crate) fn is_another_users(local: SocketAddr, remote: SocketAddr) -> bool {
    let (Some(ours), Some(mut table)) = (own_user(), table()) else {
        return false;
    };
    table
        .find(|socket| socket.local == remote && socket.remote == local)
        .is_some_and(|theirs| is_stranger(ours, theirs.user))
}

/// Root is none: it can read our memory anyway, and forwarders into a container or a virtual machine run as root. Nor is
/// anybody where we are root ourselves, because a person who runs a command as root has a browser of their own.
fn is_stranger(ours: u32, theirs: u32) -> bool {
    ours != ROOT && ![ours, ROOT, UNKNOWN].contains(&theirs)
}

const ROOT: u32 = 0;
const UNKNOWN: u32 = 65534; // what the kernel says of a user outside our namespace

#[cfg(target_os = "linux")]
fn own_user() -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    Some(std::fs::metadata("/proc/self").ok()?.uid())
}

#[cfg(not(target_os = "linux"))]
fn own_user() -> Option<u32> {
    None
}

/// Every TCP socket of this network namespace, or nothing where the system has no such table.
fn table() -> Option<impl Iterator<Item = Socket>> {
    let read = |path| std::fs::read_to_string(path).ok();
    let lines = read("/proc/net/tcp")? + &read("/proc/net/tcp6").unwrap_or_default();
    let sockets: Vec<Socket> = lines.lines().filter_map(socket).collect();
    Some(sockets.into_iter())
}

/// `  sl  local_address rem_address   st tx_queue:rx_queue tr:tm->when retrnsmt   uid  timeout inode …`
fn socket(line: &str) -> Option<Socket> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let (local, remote, state) = (fields.next()?, fields.next()?, fields.next()?);
    let mut fields = fields.skip(3);
    let user = fields.next()?.parse().ok()?;
    let inode = fields.nth(1)?.parse().ok()?;
    Some(Socket {
        local: address(local)?,
        remote: address(remote)?,
        listens: state == "0A",
        user,
        inode,
    })
}

/// `0100007F:20D0`: each group of eight digits is four bytes of the address, read as one number of this machine.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let mut bytes = Vec::with_capacity(16);
    for group in ip.as_bytes().chunks(8) {
        let number = u32::from_str_radix(std::str::from_utf8(group).ok()?, 16).ok()?;
        bytes.extend(number.to_ne_bytes());
    }
    let ip = if let Ok(four) = <[u8; 4]>::try_from(bytes.as_slice()) {
        IpAddr::from(Ipv4Addr::from(four))
    } else {
        IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)).to_canonical()
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(all(test, target_os = "linux", target_endian = "little"))]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_lines_are_read() {
        for (line, local, listens, user, inode) in [
            (
                "   0: 0100007F:20D0 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 24680 1 0000000000000000 100 0 0 10 0",
                "127.0.0.1:8400",
                true,
                1000,
                24680,
            ),
            (
                "   1: 00000000000000000000000001000000:20D0 00000000000000000000000001000000:9C4A 01 00000000:00000000 00:00000000 00000000     0        0 7 1 0",
                "[::1]:8400",
                false,
                0,
                7,
            ),
            (
                "   2: 0000000000000000FFFF00000100007F:20D0 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  33 0 8 1",
                "127.0.0.1:8400",
                true,
                33,
                8,
            ),
        ] {
            let found = socket(line).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(
                (
                    found.local.to_string().as_str(),
                    found.listens,
                    found.user,
                    found.inode
                ),
                (local, listens, user, inode)
            );
        }
        for line in [
            "",
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
            "0: 7F:1 7F:1 0A",
            "0: é:1 é:1 0A 0 0 0 0 0 0",
        ] {
            assert_eq!(socket(line), None, "{line:?}");
        }
    }

    #[test]
    fn only_another_person_is_a_stranger() {
        for (ours, theirs, stranger) in [
            (1000, 1000, false),
            (1000, 1001, true),
            (1000, ROOT, false),
            (1000, UNKNOWN, false),
            (ROOT, 1000, false),
        ] {
            assert_eq!(is_stranger(ours, theirs), stranger, "{ours} {theirs}");
        }
    }

    #[test]
    fn whoever_listens_is_found_and_whoever_connects_is_known() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let us = format!("(process {})", std::process::id());
        let found = holder(address).expect("our own socket");
        assert!(found.ends_with(&us), "{found}");

        let client = std::net::TcpStream::connect(address).expect("connected");
        let client = client.local_addr().expect("an address");
        let ours = own_user().expect("on Linux");
        let seen = table()
            .expect("on Linux")
            .find(|socket| socket.local == client);
        assert_eq!(seen.map(|socket| socket.user), Some(ours));
        assert!(!is_another_users(address, client), "our own program");
    }
}
