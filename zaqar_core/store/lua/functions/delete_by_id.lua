-- delete_by_id: Zaqar's deletion of messages by id.
-- keys:  Q.   args: "one" or "many", claim ids (hex, comma separated; "" none), then per message: seq, random, id
-- reply: how many were there.
-- fails: NOQUEUE; one: CLAIMED; with claim ids: NOCLAIM, NOTCLAIMED, OTHERCLAIM.
-- cost:  O(k log n).   Nothing is deleted when it fails.
local wrong = open()
if wrong then return wrong end
local one, named, claims, refusal = ARGV[1] == 'one', ARGV[2] ~= '', {}, nil
for id in string.gmatch(ARGV[2], '[^,]+') do claims[id] = false end
local gone = {}
for at = 3, #ARGV, 3 do
  local seq, record = find(ARGV[at], ARGV[at + 1], ARGV[at + 2])
  if record then
    local packed = call('HGET', S, seq)
    local state, held = state_of(packed), packed and held_until(seq) > 0
    if held and not named and one then return { err = 'CLAIMED' } end
    if named and not held then refusal = refusal or { err = 'NOTCLAIMED' } end
    if named and held and claims[state[CLAIM]] == nil then refusal = refusal or { err = 'OTHERCLAIM' } end
    if held then claims[state[CLAIM]] = true end
    gone[#gone + 1] = doomed(seq, record, state)
  end
end
-- a claim that holds one of the messages is live; of another it must be seen, and comes first among the reasons
if named then
  for id, is_live in pairs(claims) do
    if not is_live and tonumber(call('ZSCORE', Q .. ':cx', id) or 0) <= q.now then return { err = 'NOCLAIM' } end
  end
end
if refusal then return refusal end
forget(gone)
local freed = settle()
tell(freed)
return #gone
