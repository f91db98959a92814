//! Order requests as the venues take them, from an approval alone.
