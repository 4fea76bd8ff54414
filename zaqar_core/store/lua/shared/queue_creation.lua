-- queue_creation: write_queue creates the queue with the incarnation ARGV[1], the creator ARGV[2], the default
-- retention ARGV[3] and the fields and values from ARGV[first] on.
-- ruled_out_key: the key which says that an incarnation has ended, while another process could still try to create it
-- (pools: see create_placed).
-- uses: base_key, NEVER_DUE
local function ruled_out_key(inc) return base_key .. ':z:' .. inc end
local function write_queue(first)
  local clock = call('TIME')
  local real = clock[1] .. string.sub('00000' .. clock[2], -6, -4)
  local fields = { 'inc', ARGV[1], 'by', ARGV[2], 'ret0', ARGV[3], 'at', real, 'mod', real, 'rev', 1 }
  -- the fields that every operation reads come first: a small hash is searched from its beginning
  call('HSET', base_key, 'gen', ARGV[1] .. ':0', 'now', real, 'due', NEVER_DUE, 'seq', 0, 'waits', 0, unpack(fields))
  if #ARGV >= first then call('HSET', base_key, unpack(ARGV, first)) end
  call('UNLINK', base_key .. ':ms') -- an earlier release that deletes a queue leaves it
  local scope = call('HGET', base_key, 'deduplication_scope')
  if scope then call('HSET', base_key, 'scope0', scope) end
end
