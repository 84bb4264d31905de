//! The module's allocator: large blocks start on 64 bytes, so that a batch's decimals can be read where they lie.
//!
//! The canonical ABI asks for byte lists with alignment 1, and the standard allocator then answers with 8: every
//! other batch of 16-byte values would be copied once more before use.

#![expect(
    unsafe_code,
    reason = "`GlobalAlloc` is an unsafe trait; every call is passed on with a stricter layout"
)]

use std::alloc::{GlobalAlloc, Layout, System};

const LARGE: usize = 4096;
const ALIGNMENT: usize = 64;

struct Aligned;

#[global_allocator]
static ALLOCATOR: Aligned = Aligned;

/// A function of the layout alone, so that a block is freed with the alignment that it was made with.
const fn stricter(layout: Layout) -> Layout {
    if layout.size() < LARGE || layout.align() >= ALIGNMENT {
        return layout;
    }
    match Layout::from_size_align(layout.size(), ALIGNMENT) {
        Ok(aligned) => aligned,
        Err(_) => layout,
    }
}

// SAFETY: blocks come from `System` under `stricter(layout)`, which satisfies `layout`, and go back under the same.
unsafe impl GlobalAlloc for Aligned {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises; size is unchanged.
        unsafe { System.alloc(stricter(layout)) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises; size is unchanged.
        unsafe { System.alloc_zeroed(stricter(layout)) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block was made with `stricter` of the same layout.
        unsafe { System.dealloc(block, stricter(layout)) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Ok(wanted) = Layout::from_size_align(size, layout.align()) else {
            return std::ptr::null_mut();
        };
        if stricter(wanted).align() == stricter(layout).align() {
            // SAFETY: the block was made with this layout, and the new size wants the same alignment.
            return unsafe { System.realloc(block, stricter(layout), size) };
        }
        // SAFETY: two live blocks, the shorter length copied, the old one freed as it was made.
        unsafe {
            let moved = self.alloc(wanted);
            if !moved.is_null() {
                std::ptr::copy_nonoverlapping(block, moved, layout.size().min(size));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}
