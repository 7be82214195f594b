# SPDX-License-Identifier: MIT
# Lists, dictionaries, strings and regular expressions.
set table [dict create]
for {set i 0} {$i < 30000} {incr i} {
    dict append table [expr {$i * 7 % 1009}] [string repeat "v$i " [expr {$i % 5}]]
    if {$i % 9 == 0} { dict unset table [expr {$i % 500}] }
}
set text ""
foreach key [lsort -integer [dict keys $table]] { append text "$key=[dict get $table $key];" }
puts "[dict size $table] [string length $text] [zlib crc32 $text]"
puts [regexp -all {v(\d)\d*1 } $text]
set numbers {}
for {set i 0} {$i < 20000} {incr i} { lappend numbers [expr {$i * 7919 % 20011}] }
puts [lrange [lsort -integer -decreasing $numbers] 0 5]
puts [string length [zlib inflate [zlib deflate $text]]]
