//! The program itself, in a directory of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Bytes of a mebibyte.
pub const MIB: u64 = 1 << 20;
/// How long anything may take before a test gives up, on a loaded machine.
const DEADLINE: Duration = Duration::from_secs(120);
const BOUNDARY: &str = "----pikir-test";

pub struct Portal {
    child: Child,
    address: String,
    place: String,
    _dir: TempDir,
}

/// `pikir-portal` with this data directory.
pub fn command(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pikir-portal"));
    command.env("PIKIR_LOG", "warn").arg("--data-dir").arg(dir);
    command
}

impl Portal {
    pub fn start() -> Self {
        Self::with_open_files(4_000)
    }

    /// With so many files that may be open.
    pub fn with_open_files(files: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let list = dir.path().join("organizations.csv");
        std::fs::write(&list, "code,parent,name_ky,name_ru\nOSH,,Ош,Ош\n").unwrap();
        say(command(dir.path())
            .args(["organization", "import"])
            .arg(&list));
        let place = [
            "--json",
            "place",
            "add",
            "--organization",
            "OSH",
            "--name",
            "Hall",
            "--languages",
            "en,ru",
        ];
        let added: serde_json::Value =
            serde_json::from_str(&say(command(dir.path()).args(place))).unwrap();
        let serve = format!(
            "ulimit -n {files}; exec '{}' serve --listen 127.0.0.1:0 --data-dir '{}'",
            env!("CARGO_BIN_EXE_pikir-portal"),
            dir.path().display()
        );
        let mut child = Command::new("sh")
            .args(["-c", &serve])
            .env("PIKIR_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .trim()
            .strip_prefix("listening on http://")
            .unwrap()
            .to_owned();
        Self {
            child,
            address,
            place: added["code"].as_str().unwrap().to_owned(),
            _dir: dir,
        }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream
    }

    /// The address of the phone page.
    pub fn path(&self) -> String {
        format!("/q/{}", self.place)
    }

    /// What is answered to a request.
    pub fn ask(&self, request: &[u8]) -> String {
        let mut client = self.connect();
        client.write_all(request).unwrap();
        let mut answer = Vec::new();
        // A broken connection is an answer too: what came of it is looked at.
        let _ = client.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The hidden fields of the phone page, which give the form out, and a score.
    pub fn form(&self) -> Vec<(String, String)> {
        let request = format!(
            "GET {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
            self.path()
        );
        let page = self.ask(request.as_bytes());
        let hidden = page.split("type=\"hidden\" name=\"").skip(1);
        let mut fields: Vec<(String, String)> = hidden
            .filter_map(|rest| {
                let (name, rest) = rest.split_once("\" value=\"")?;
                Some((name.to_owned(), rest.split('"').next()?.to_owned()))
            })
            .collect();
        assert!(!fields.is_empty(), "{page}");
        fields.push(("score".to_owned(), "3".to_owned()));
        fields
    }

    /// Bytes of memory in use.
    pub fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most bytes that were in use since [`Self::forget_peak`].
    pub fn peak(&self) -> u64 {
        self.status("VmHWM:")
    }

    pub fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").unwrap();
    }

    fn status(&self, name: &str) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap();
        let kib: u64 = line.trim().strip_suffix(" kB").unwrap().parse().unwrap();
        kib * 1024
    }

    /// Looks until it holds.
    #[track_caller]
    pub fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(
                begun.elapsed() < DEADLINE,
                "{what}: not in time, {} MiB",
                self.memory() / MIB
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A form with a photo, as a browser sends it.
pub fn multipart(path: &str, fields: &[(String, String)], photo: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
        body.extend(part.into_bytes());
    }
    let part = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n"
    );
    body.extend(part.into_bytes());
    body.extend(photo);
    body.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\naccept-language: en\r\n\
         content-type: multipart/form-data; boundary={BOUNDARY}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend(body);
    request
}

fn say(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}
