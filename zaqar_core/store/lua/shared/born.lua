-- born: the queue is there, with the incarnation ARGV[1], the creator ARGV[2], the default retention ARGV[3] and the
-- fields and values from ARGV[first] on; an existing one is left as it is.
-- buried: what says that an incarnation has ended, while anybody could still try to make it (pools: see create_placed).
-- uses: Q
local function buried(inc) return Q .. ':z:' .. inc end
local function born(first)
  local clock = call('TIME')
  local real = clock[1] .. string.sub('00000' .. clock[2], -6, -4)
  local fields = { 'inc', ARGV[1], 'by', ARGV[2], 'ret0', ARGV[3], 'at', real, 'mod', real, 'rev', 1 }
  -- what every operation reads comes first: a small hash is searched from its beginning
  call('HSET', Q, 'gen', ARGV[1] .. ':0', 'now', real, 'seq', 0, unpack(fields))
  if #ARGV >= first then call('HSET', Q, unpack(ARGV, first)) end
  local scope = call('HGET', Q, 'deduplication_scope')
  if scope then call('HSET', Q, 'scope0', scope) end
end
