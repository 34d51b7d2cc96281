//! The kernel's table of TCP sockets, where it shows one (Linux): who holds a port, and whose program has connected.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// One line of `/proc/net/tcp` or `/proc/net/tcp6` (proc(5)).
#[derive(Debug, PartialEq, Eq)]
struct Socket {
    local: SocketAddr,
    remote: SocketAddr,
    state: State,
    user: u32,
    inode: u64,
}

/// What can be told of a connection by its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Listens,
    /// Neither side has closed it.
    Established,
    Other,
}

/// The program that listens on `address`, as `python3 (process 4711)`, if it is one of this user's own: the kernel shows
/// no more.
pub(crate) fn holder(address: SocketAddr) -> Option<String> {
    let names: Vec<String> = table()?
        .filter(|socket| socket.state == State::Listens && socket.local.port() == address.port())
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
    match (own_user(), table()) {
        (Some(ours), Some(table)) => {
            Us::new(ours, sees_everybody()).is_strangers(local, remote, table)
        }
        _ => false,
    }
}

/// Whether [`own_user_only`](crate::Limits::own_user_only) keeps out every other user of this machine but root. Not where the system does not
/// tell who connects (macOS), or where there are users whom it does not tell apart: for root, and in a user namespace. Windows shows nobody
/// another user's argument lists, in which a link could be read.
pub fn keeps_other_users_out() -> bool {
    cfg!(windows)
        || table().is_some() && own_user().is_some_and(|ours| ours != ROOT) && sees_everybody()
}

/// Who we are, and whom we can tell apart.
struct Us {
    user: u32,
    /// Whether every user has a number of their own here.
    sees_everybody: bool,
}

impl Us {
    fn new(user: u32, sees_everybody: bool) -> Self {
        Self {
            user,
            sees_everybody,
        }
    }

    fn is_strangers(
        &self,
        local: SocketAddr,
        remote: SocketAddr,
        table: impl Iterator<Item = Socket>,
    ) -> bool {
        let (mut ours, mut theirs) = (None, None);
        for socket in table {
            if (socket.local, socket.remote) == (remote, local) {
                theirs = Some(socket);
            } else if (socket.local, socket.remote) == (local, remote) {
                ours = Some(socket);
            }
        }
        let is_open = |socket: &Socket| socket.state == State::Established;
        match theirs {
            Some(theirs) if theirs.user != ROOT || is_open(&theirs) => {
                self.is_stranger(theirs.user)
            }
            // What has been closed is nobody's, whom the kernel shows as root, until it is gone: whoever could not wait for the answer.
            // What was never there is of another network namespace, and still open.
            _ => self.user != ROOT && !ours.as_ref().is_some_and(is_open),
        }
    }

    /// Root is none: it can read our memory anyway, and forwarders into a container or a virtual machine run as root. Nor is
    /// anybody where we are root ourselves, because a person who runs a command as root has a browser of their own.
    fn is_stranger(&self, theirs: u32) -> bool {
        let is_known = theirs != UNKNOWN || self.sees_everybody;
        self.user != ROOT && is_known && ![self.user, ROOT].contains(&theirs)
    }
}

const ROOT: u32 = 0;
const UNKNOWN: u32 = 65534; // what the kernel says of a user outside our namespace; and a user, `nobody`

/// Whether we are in the first user namespace, or one with the same users (user_namespaces(7)).
fn sees_everybody() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.split_ascii_whitespace().eq(["0", "0", "4294967295"])
}

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
        state: match state {
            "0A" => State::Listens,
            "01" => State::Established,
            _ => State::Other,
        },
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
        for (line, local, state, user, inode) in [
            (
                "   0: 0100007F:20D0 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 24680 1 0000000000000000 100 0 0 10 0",
                "127.0.0.1:8400",
                State::Listens,
                1000,
                24680,
            ),
            (
                "   1: 00000000000000000000000001000000:20D0 00000000000000000000000001000000:9C4A 01 00000000:00000000 00:00000000 00000000     0        0 7 1 0",
                "[::1]:8400",
                State::Established,
                0,
                7,
            ),
            (
                "   2: 0000000000000000FFFF00000100007F:20D0 00000000000000000000000000000000:0000 06 00000000:00000000 00:00000000 00000000  33 0 8 1",
                "127.0.0.1:8400",
                State::Other,
                33,
                8,
            ),
        ] {
            let found = socket(line).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(
                (
                    found.local.to_string().as_str(),
                    found.state,
                    found.user,
                    found.inode
                ),
                (local, state, user, inode)
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
        for (ours, sees_everybody, theirs, stranger) in [
            (1000, true, 1000, false),
            (1000, true, 1001, true),
            (1000, true, ROOT, false),
            (1000, true, UNKNOWN, true),
            (1000, false, UNKNOWN, false),
            (UNKNOWN, true, UNKNOWN, false),
            (ROOT, true, 1000, false),
        ] {
            let us = Us::new(ours, sees_everybody);
            assert_eq!(us.is_stranger(theirs), stranger, "{ours} {theirs}");
        }
    }

    #[test]
    fn who_does_not_wait_for_the_answer_is_not_taken_for_root() {
        use State::{Established, Other};
        let (local, remote) = ("127.0.0.1:8400", "127.0.0.1:40000");
        let (local, remote) = (local.parse().expect("one"), remote.parse().expect("one"));
        let socket = |from, to, (user, state)| Socket {
            local: from,
            remote: to,
            state,
            user,
            inode: 0,
        };
        for (us, ours, theirs, stranger) in [
            // A browser of ours, one of root's, and a neighbour that waits.
            (1000, Established, Some((1000, Established)), false),
            (1000, Established, Some((ROOT, Established)), false),
            (1000, Established, Some((1001, Established)), true),
            // One that has said all that it has to say, and waits.
            (1000, Other, Some((1000, Other)), false),
            (1000, Other, Some((1001, Other)), true),
            // Closed, and not gone yet; closed and gone.
            (1000, Other, Some((ROOT, Other)), true),
            (1000, Other, None, true),
            (ROOT, Other, None, false),
            // It was never in this table: another network namespace.
            (1000, Established, None, false),
        ] {
            let ours = socket(local, remote, (us, ours));
            let case = format!("{us} {ours:?} {theirs:?}");
            let theirs = theirs.map(|theirs| socket(remote, local, theirs));
            let table = std::iter::once(ours).chain(theirs);
            let found = Us::new(us, true).is_strangers(local, remote, table);
            assert_eq!(found, stranger, "{case}");
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
