//! Memory for the module: a stack that is empty between two calls.
//!
//! Nothing outlives a call into the module but the answer, which the page copies and gives back at once. So memory is
//! handed out upwards, what was handed out last is taken back or grown in place, and when nothing is in use any more
//! it begins anew. A general allocator takes 0.5 kB compressed to be better at what never happens here.

#![expect(unsafe_code, reason = "an allocator hands out memory, which the compiler cannot check")]

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32::{memory_grow, memory_size};
use core::cell::Cell;

const PAGE: usize = 65_536;

/// The memory above what the compiler laid out.
pub(crate) struct Stack {
    /// Where it begins; 0 before the first use.
    start: Cell<usize>,
    /// Where the next block goes.
    top: Cell<usize>,
    /// How many blocks are in use.
    used: Cell<usize>,
}

impl Stack {
    pub(crate) const fn new() -> Self {
        Self { start: Cell::new(0), top: Cell::new(0), used: Cell::new(0) }
    }

    /// Makes `end` the new top, with memory below it. Answers whether there was any.
    fn raise(&self, end: usize) -> bool {
        let missing = end.saturating_sub(memory_size(0) * PAGE);
        if missing > 0 && memory_grow(0, missing.div_ceil(PAGE)) == usize::MAX {
            return false;
        }
        self.top.set(end);
        true
    }
}

// SAFETY: the module is built without threads (no `atomics` target feature, no shared memory).
unsafe impl Sync for Stack {}

// SAFETY: a block lies between the old and the new top, so no two in use overlap; the top goes down to a block only
// when that block is given back, and to the start only when none is in use.
unsafe impl GlobalAlloc for Stack {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if self.start.get() == 0 {
            self.start.set(memory_size(0) * PAGE);
            self.top.set(self.start.get());
        }
        let block = self.top.get().next_multiple_of(layout.align());
        if !self.raise(block + layout.size()) {
            return core::ptr::null_mut();
        }
        self.used.set(self.used.get() + 1);
        block as *mut u8
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.used.set(self.used.get() - 1);
        if self.used.get() == 0 {
            self.top.set(self.start.get());
        } else if block as usize + layout.size() == self.top.get() {
            self.top.set(block as usize);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if block as usize + layout.size() == self.top.get() {
            return if self.raise(block as usize + size) { block } else { core::ptr::null_mut() };
        }
        // SAFETY: the caller's promises about the block and the size are the ones these three ask for.
        unsafe {
            let to = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !to.is_null() {
                core::ptr::copy_nonoverlapping(block, to, layout.size().min(size));
                self.dealloc(block, layout);
            }
            to
        }
    }
}
