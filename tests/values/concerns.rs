//! Which values can end in which way.

use crate::ends::End;
use crate::holder::Value;

impl End {
    /// Whether a value ends here at all.
    pub(crate) fn concerns(self, value: Value) -> bool {
        use End as E;
        use Value as V;
        if value == V::Checkpoint {
            // Not of a session that comes back, or is not launched.
            return !matches!(
                self,
                E::RestartByHand
                    | E::CrashAndRestart
                    | E::CrashTwice
                    | E::RestartFails
                    | E::AlreadyStarted
                    | E::Parked
                    | E::ClaimTaken
                    | E::MaxSessions
                    | E::QueuedBehindAStop
                    | E::SupervisorDown
            );
        }
        match self {
            E::Stop | E::StopItself | E::RestartByHand | E::ForeignStop => {
                matches!(
                    value,
                    V::Actor
                        | V::State
                        | V::Message
                        | V::Spec
                        | V::PostStopError
                        | V::PostStopPayload
                ) && match value {
                    V::Spec => self == E::Stop || self == E::ForeignStop,
                    // It is known as the last exit.
                    V::PostStopError => self != E::RestartByHand,
                    _ => true,
                }
            }
            E::SupervisorStop | E::SupervisorDrain => !matches!(
                value,
                V::Arguments
                    | V::LaunchError
                    | V::LaunchPayload
                    | V::PreStartError
                    | V::PreStartPayload
                    | V::CallbackPayload
            ),
            E::Kill | E::BrutalStop | E::SupervisorKill | E::RuntimeDropped => {
                matches!(value, V::Actor | V::State | V::Message)
                    || (value == V::Spec && matches!(self, E::SupervisorKill | E::RuntimeDropped))
            }
            E::Crash => matches!(
                value,
                V::Actor | V::State | V::Message | V::Spec | V::CallbackError | V::CallbackPayload
            ),
            E::CrashAndRestart => {
                matches!(value, V::Actor | V::State | V::Message | V::CallbackPayload)
            }
            E::CrashTwice => value == V::CallbackError,
            E::ParkAndDiscard => matches!(value, V::CallbackError | V::Spec),
            E::StartFails
            | E::StartFailsAndNobodyWaits
            | E::StopBeforeItFails
            | E::SupervisorStopBeforeItFails => matches!(
                value,
                V::Actor
                    | V::Spec
                    | V::LaunchError
                    | V::LaunchPayload
                    | V::PreStartError
                    | V::PreStartPayload
            ),
            E::TimedOut | E::Cancelled => matches!(value, V::Actor | V::Arguments | V::Spec),
            E::RestartFails => matches!(
                value,
                V::LaunchError | V::LaunchPayload | V::PreStartError | V::PreStartPayload
            ),
            E::AlreadyStarted
            | E::Parked
            | E::ClaimTaken
            | E::MaxSessions
            | E::QueuedBehindAStop
            | E::SupervisorDown => value == V::Spec,
        }
    }
}
