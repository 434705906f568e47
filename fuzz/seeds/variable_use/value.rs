const D: &str = env!("OUT_\x44IR", "m");
use std::env as e;
call!(env, r#"OUT_DIR"#);
