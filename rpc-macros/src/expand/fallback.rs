//! What is left to emit when there is no service to speak of.
