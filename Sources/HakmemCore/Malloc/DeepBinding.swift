// SPDX-License-Identifier: MIT
//
// dlopen without RTLD_DEEPBIND, by which a library finds its names in what it depends on first: in
// glibc, whose malloc it would then use beside ours, and whose free ends the program when the
// library frees what others have allocated. PHP opens its extensions so.
//
// What this changes for a library is which of two things of one name it gets, if the program
// has another; HAKMEM_DEEPBIND=keep leaves it as it was.

import CHakmemShim

@c(hak_dlopen) public func hakDlopen(
    _ path: UnsafePointer<CChar>?, _ flags: Int32
) -> UnsafeMutableRawPointer? {
    // A library's constructor may come before the first malloc; only then are there options.
    if heapAddress == 0 { _ = Start.ensure() }
    return hak_dlopen_next(path, process.options.keepsDeepBind ? flags : flags & ~hak_deepbind())
}
