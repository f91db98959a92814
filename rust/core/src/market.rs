//! Every book of the process and the detectors over them.
