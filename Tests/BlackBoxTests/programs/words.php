<?php
// SPDX-License-Identifier: MIT
// Strings, arrays, objects, regular expressions, and what extensions of PHP allocate.
$state = 7;
function next_random(int $below): int
{
    global $state;
    $state = ($state * 1103515245 + 12345) % 2147483648;
    return intdiv($state, 65536) % $below;
}

$counts = [];
for ($round = 0; $round < 60000; $round++) {
    $word = str_repeat(chr(97 + next_random(26)), 1 + next_random(40));
    $counts[$word] = ($counts[$word] ?? 0) + 1;
}
ksort($counts);
printf("%d words, %s\n", count($counts), md5(serialize($counts)));

$records = [];
for ($index = 0; $index < 20000; $index++) {
    $record = new stdClass();
    $record->name = "record $index";
    $record->values = range(0, next_random(12));
    $records[] = $record;
}
$text = json_encode($records);
$again = json_decode($text, true);
usort($again, fn($a, $b) => [count($a['values']), $a['name']] <=> [count($b['values']), $b['name']]);
printf("%d bytes, %s\n", strlen($text), md5(json_encode($again)));

printf("%d, %s\n", preg_match_all('/(\w+) (\d+)/', $text, $found), md5(implode(',', $found[2])));
$wideBytes = extension_loaded('iconv') ? strlen(iconv('UTF-8', 'UTF-16LE', $text)) : 0;
printf("%d\n", $wideBytes);
$blocks = array_map(fn($size) => str_repeat('x', $size), range(1, 3000000, 99991));
printf("%s\n", md5(implode('|', $blocks)));
