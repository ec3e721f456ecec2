//! D-Bus as an appliance has it: the names that Slint's X11 backend is compiled against, and a
//! session bus that is not there.
//!
//! Slint asks the desktop, over its message bus, for colours, font size and the cursor's blinking.
//! A terminal has no desktop: it draws in its own colours and sizes, whatever session it was
//! started in. The client that would find this out is a twentieth of the whole program, and where
//! the bus is missing it keeps a thread that wakes twice a second. Slint leaves no choice, so the
//! crate is replaced by this one: [`Connection::session`] fails, and nothing that would follow a
//! connection can exist.
//!
//! Types and names are those of zbus 5 (<https://docs.rs/zbus>), as far as Slint 1.18 uses them.

use core::convert::Infallible;
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

/// What a call returns.
pub type Result<T> = core::result::Result<T, Error>;

/// Why there is no bus. Only [`Error::Address`] ever occurs.
#[derive(Debug)]
pub enum Error {
    /// The address leads nowhere.
    Address(&'static str),
    /// The connection broke.
    InputOutput(Infallible),
    /// The other side refused a call.
    MethodError(ErrorName),
    /// One of the bus's own errors.
    FDO(Box<fdo::Error>),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(why) => f.write_str(why),
            Self::InputOutput(never) => match *never {},
            Self::MethodError(name) => f.write_str(name.as_str()),
            Self::FDO(_) => f.write_str("the bus refused"),
        }
    }
}

impl core::error::Error for Error {}

/// The name of an error from the other side. Nobody ever has one.
#[derive(Debug)]
pub struct ErrorName(Infallible);

impl ErrorName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self.0 {}
    }
}

/// A connection. Nobody ever has one.
#[derive(Debug)]
pub struct Connection(Infallible);

impl Connection {
    /// There is no session bus.
    ///
    /// # Errors
    /// Always.
    #[allow(
        clippy::unused_async,
        reason = "the crate it stands in for connects here"
    )]
    pub async fn session() -> Result<Self> {
        Err(Error::Address("this program uses no message bus"))
    }
}

/// Somebody at the other end. Nobody ever has one.
#[derive(Debug)]
pub struct Proxy<'a>(Infallible, core::marker::PhantomData<&'a ()>);

#[allow(
    clippy::missing_errors_doc,
    clippy::unused_async,
    reason = "nothing here can be called"
)]
impl Proxy<'_> {
    /// A call's answer.
    pub async fn call<B>(&self, _method: &str, _body: &B) -> Result<zvariant::OwnedValue> {
        match self.0 {}
    }

    /// The signals of this name.
    pub async fn receive_signal(&self, _name: &str) -> Result<SignalStream> {
        match self.0 {}
    }
}

/// Signals to come. Nobody ever has them.
#[derive(Debug)]
pub struct SignalStream(Infallible);

impl futures_core::Stream for SignalStream {
    type Item = Message;

    fn poll_next(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<Message>> {
        match self.0 {}
    }
}

/// A message. Nobody ever has one.
#[derive(Debug)]
pub struct Message(Infallible);

impl Message {
    /// What it says.
    #[must_use]
    pub fn body(&self) -> Body {
        match self.0 {}
    }
}

/// What a message says. Nobody ever has one.
#[derive(Debug)]
pub struct Body(Infallible);

impl Body {
    /// It as a value.
    #[allow(clippy::missing_errors_doc, reason = "it cannot be called")]
    pub fn deserialize<T>(&self) -> Result<T> {
        match self.0 {}
    }
}

/// The bus's own errors.
pub mod fdo {
    use core::convert::Infallible;

    /// One of them. Nobody ever has one.
    #[derive(Debug)]
    pub enum Error {
        /// Nobody has this name.
        ServiceUnknown(Infallible),
        /// Nobody has this name now.
        NameHasNoOwner(Infallible),
    }
}

/// How a proxy is made.
pub mod proxy {
    use core::convert::Infallible;
    use core::marker::PhantomData;

    use super::{Connection, Proxy, Result};

    /// A proxy being made. Nobody ever has one.
    #[derive(Debug)]
    pub struct Builder<'a>(Infallible, PhantomData<&'a ()>);

    #[allow(
        clippy::missing_errors_doc,
        clippy::unused_async,
        reason = "nothing here can be called"
    )]
    impl<'a> Builder<'a> {
        /// Through this connection.
        #[must_use]
        pub fn new(connection: &Connection) -> Self {
            match connection.0 {}
        }

        /// With this interface.
        pub fn interface(self, _name: &str) -> Result<Self> {
            match self.0 {}
        }

        /// At this path.
        pub fn path(self, _path: &str) -> Result<Self> {
            match self.0 {}
        }

        /// Of this name.
        pub fn destination(self, _name: &str) -> Result<Self> {
            match self.0 {}
        }

        /// The proxy.
        pub async fn build(self) -> Result<Proxy<'a>> {
            match self.0 {}
        }
    }
}

/// Values on the bus.
pub mod zvariant {
    use core::convert::Infallible;

    /// A value. Nobody ever has one.
    #[derive(Debug)]
    pub struct OwnedValue(Infallible);

    impl OwnedValue {
        /// It as a type of Rust's.
        #[allow(clippy::missing_errors_doc, reason = "it cannot be called")]
        pub fn downcast_ref<T>(&self) -> super::Result<T> {
            match self.0 {}
        }
    }
}
