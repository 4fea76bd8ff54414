-- move_records: read records of moves that arrived here long ago and were not removed; reads no more than 100.
-- keys:  the queue.
-- args:  least age ms
-- reply: record of each: its source, a bar, its seq there.
-- fails: nothing.
-- effect: reads. It writes nothing.
-- cost:  O(100).
-- uses: base_key, real_ms
local found, page, until_ms = {}, call('HRANDFIELD', base_key .. ':mr', 100, 'WITHVALUES'), real_ms() - ARGV[1]
for i = 1, #page, 2 do
  if tonumber(page[i + 1]) <= until_ms then found[#found + 1] = page[i] end
end
return found
