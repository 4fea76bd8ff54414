-- delete_by_id: Zaqar's deletion of messages by id.
-- keys:  Q.   args: "one" or "many", claim ids (hex, comma separated; "" none), then per message: seq, random, id
-- reply: how many were there.
-- fails: NOQUEUE; one: CLAIMED, NOCLAIM, NOTCLAIMED, OTHERCLAIM; many with claim ids: NOCLAIM, OTHERCLAIM.
-- cost:  O(k log n).   Nothing is deleted when it fails.
local wrong = open()
if wrong then return wrong end
local one, named, claims = ARGV[1] == 'one', ARGV[2] ~= '', {}
for id in string.gmatch(ARGV[2], '[^,]+') do
  if tonumber(call('ZSCORE', Q .. ':cx', id) or 0) <= q.now then return { err = 'NOCLAIM' } end
  claims[id] = true
end
local gone = {}
for at = 3, #ARGV, 3 do
  local seq, record = find(ARGV[at], ARGV[at + 1], ARGV[at + 2])
  if record then
    local state = state_of(call('HGET', S, seq))
    local held = held_until(seq) > 0
    if held and not named and one then return { err = 'CLAIMED' } end
    if named and one and not held then return { err = 'NOTCLAIMED' } end
    if named and held and not claims[state[CLAIM]] then return { err = 'OTHERCLAIM' } end
    gone[#gone + 1] = doomed(seq, record, state)
  end
end
forget(gone)
local freed = settle()
tell(freed)
return #gone
