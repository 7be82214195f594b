// SPDX-License-Identifier: MIT

/// States a relation of constants. It folds away when it holds and traps at start when it does not.
@inline(__always)
func layoutAssert(_ holds: Bool) {
    precondition(holds)
}
