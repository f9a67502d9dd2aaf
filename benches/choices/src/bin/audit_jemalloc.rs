//! The audit with the allocator jemalloc.
//!
//! usage: audit_jemalloc LOG REPORT

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    choices::audit()
}
