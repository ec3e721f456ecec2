//! A touchscreen for a display in memory, which has none: a proxy before the X server, which puts
//! the touches of XInput 2 among what the server tells. The program takes them through its window
//! system as on a real panel.
//!
//! What this cannot show: what a driver and the server make of a panel's own reports.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};

use crate::xvfb::Display;

/// X11 servers listen on this port and those above it, by their display's number.
const FIRST_PORT: u16 = 6_000;
/// Type of an event that belongs to an extension.
const GENERIC_EVENT: u8 = 35;
/// Type of the only event that does not tell of which request it is.
const KEYMAP_NOTIFY: u8 = 11;
/// Type of an answer.
const REPLY: u8 = 1;
/// Bytes of everything that a server tells, but for what answers and events of extensions say
/// beyond.
const UNIT: usize = 32;
/// The master pointer, to which a touchscreen belongs.
const DEVICE: u16 = 2;

/// What a finger does, as XInput 2 numbers it.
#[derive(Debug, Clone, Copy)]
pub enum Touch {
    /// It comes down.
    Begin = 18,
    /// It moves.
    Update = 19,
    /// It leaves.
    End = 20,
}

/// The touchscreen.
pub struct Touchscreen {
    port: u16,
    clients: Arc<Mutex<Vec<Client>>>,
    root: u32,
    opcode: u8,
}

/// A connection to the server.
struct Client {
    socket: TcpStream,
    /// The numbers it gives to its windows are this one, but for the bits of the mask.
    base: u32,
    mask: u32,
    /// Of the request that the server told of last.
    sequence: [u8; 2],
}

impl Touchscreen {
    /// Stands before `display`.
    pub fn before(display: &Display) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let clients: Arc<Mutex<Vec<Client>>> = Arc::default();
        let (server, known) = (display.socket(), clients.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (server, known) = (server.clone(), known.clone());
                // Ends with the connection; a program that is gone says nothing of it.
                std::thread::spawn(move || serve(client, &server, &known));
            }
        });
        let (root, opcode) = display.input_numbers()?;
        Ok(Self {
            port,
            clients,
            root,
            opcode,
        })
    }

    /// The value of `DISPLAY` for programs that are to have it.
    pub fn name(&self) -> String {
        format!("127.0.0.1:{}", self.port - FIRST_PORT)
    }

    /// A finger touches `window` at a point, in pixels. Fingers have numbers of their own, never
    /// given twice.
    pub fn touch(&self, window: u32, finger: u32, touch: Touch, (x, y): (u16, u16)) -> Result<()> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let owner = clients
            .iter_mut()
            .find(|client| window & !client.mask == client.base)
            .context("nobody has this window by way of the touchscreen")?;
        let mut event = self.event(window, finger, touch, (x, y));
        event[2..4].copy_from_slice(&owner.sequence);
        owner.socket.write_all(&event)?;
        Ok(())
    }

    /// The event as it travels, but for the number of the request it follows.
    fn event(&self, window: u32, finger: u32, touch: Touch, (x, y): (u16, u16)) -> Vec<u8> {
        // Sixteen bits for whole pixels, sixteen for parts of one.
        let place = [x, y, x, y].map(|pixels| u32::from(pixels) << 16);
        let mut event = vec![GENERIC_EVENT, self.opcode, 0, 0];
        let words = |numbers: &[u32]| {
            numbers
                .iter()
                .flat_map(|it| it.to_ne_bytes())
                .collect::<Vec<_>>()
        };
        event.extend(words(&[12]));
        event.extend((touch as u16).to_ne_bytes());
        event.extend(DEVICE.to_ne_bytes());
        event.extend(words(&[0, finger, self.root, window, 0]));
        event.extend(words(&place));
        // Neither buttons nor valuators; the source, flags, modifiers and their group.
        event.extend([0; 4]);
        event.extend(DEVICE.to_ne_bytes());
        event.extend([0; 2 + 4 + 16 + 4]);
        event
    }
}

fn serve(client: TcpStream, server: &str, clients: &Mutex<Vec<Client>>) -> Result<()> {
    let server = UnixStream::connect(server)?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
    let mut server = server;
    let at = begin(client, &mut server, clients)?;
    loop {
        let mut message = vec![0; UNIT];
        server.read_exact(&mut message)?;
        if matches!(message[0] & 0x7f, REPLY | GENERIC_EVENT) {
            let more = u32::from_ne_bytes([message[4], message[5], message[6], message[7]]);
            message.resize(UNIT + 4 * more as usize, 0);
            server.read_exact(&mut message[UNIT..])?;
        }
        // Whole messages, so that a touch comes between two of them.
        let mut clients = clients.lock().unwrap_or_else(PoisonError::into_inner);
        if message[0] & 0x7f != KEYMAP_NOTIFY {
            clients[at].sequence = [message[2], message[3]];
        }
        clients[at].socket.write_all(&message)?;
    }
}

/// Passes the server's first answer on; returns the place of the connection among the clients.
fn begin(
    mut client: TcpStream,
    server: &mut UnixStream,
    clients: &Mutex<Vec<Client>>,
) -> Result<usize> {
    let mut answer = vec![0; 8];
    server.read_exact(&mut answer)?;
    let more = usize::from(u16::from_ne_bytes([answer[6], answer[7]]));
    answer.resize(8 + 4 * more, 0);
    server.read_exact(&mut answer[8..])?;
    client.write_all(&answer)?;
    if answer[0] != 1 {
        bail!("the X server refuses a connection");
    }
    let number = |at: usize| {
        u32::from_ne_bytes([answer[at], answer[at + 1], answer[at + 2], answer[at + 3]])
    };
    let mut clients = clients.lock().unwrap_or_else(PoisonError::into_inner);
    clients.push(Client {
        socket: client,
        base: number(12),
        mask: number(16),
        sequence: [0; 2],
    });
    Ok(clients.len() - 1)
}
