//! An OTP-grade dynamic supervisor for sessions on the `ractor` actor framework.

#[doc(hidden)]
pub mod engine;
