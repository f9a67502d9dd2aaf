//! The audit with the allocator mimalloc.
//!
//! usage: audit_mimalloc LOG REPORT

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    choices::audit()
}
