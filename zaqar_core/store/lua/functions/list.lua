-- list: list messages after a seq, in order; reads no more than 200.
-- keys:  the queue.
-- args:  after seq, limit, include claimed 0/1, include delayed 0/1, Client-ID to leave out (16 bytes or "")
-- reply: {now ms, retention s, last seq read, 1 if there may be more, {seq, record, state or "", end of its lease ms or
--        0, end of its delay ms or 0} ...}.
-- fails: NOQUEUE; GROUPED.
-- effect: reads.
-- cost:  O(log n + 200).
-- uses: CLIENT, DELAYED, delayed_until, expired, flags_of, GROUP, GROUPED, has_flag, KIND, LEASED, leased_until, now_ms
-- uses: open_queue, order_key, OWN_TTL, process_due, queue, records_key, state_of, states_key, update_groups
local wrong = open_queue()
if wrong then return wrong end
process_due(100)
update_groups()
local after, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local claimed, late, client = ARGV[3] == '1', ARGV[4] == '1', ARGV[5]
local pages = {}
for _, band in ipairs({ 0, claimed and LEASED, late and DELAYED, KIND ~= 'plain' and GROUPED }) do
  if band then
    local low, high = string.format('(%.1f', band + after + 0.5), string.format('(%.0f', band + LEASED)
    pages[#pages + 1] = { 1, call('ZRANGEBYSCORE', order_key, low, high, 'LIMIT', 0, 200) }
  end
end
-- the page whose next message is the oldest
local function choose()
  local best, least
  for _, page in ipairs(pages) do
    local seq = tonumber(page[2][page[1]])
    if seq and (not least or seq < least) then best, least = page, seq end
  end
  return best
end
local found, looked, last = {}, 0, after
local page = choose()
while #found < limit and looked < 200 and page do
  local seq = page[2][page[1]]
  page[1], looked, last = page[1] + 1, looked + 1, tonumber(seq)
  local record, packed = call('HGET', records_key, seq), call('HGET', states_key, seq)
  if record and not expired(record, state_of(packed)) then
    local held, delayed, flags = leased_until(seq), delayed_until(seq, record), flags_of(record)
    local at = 23 + (has_flag(flags, OWN_TTL) and 8 or 0) + (has_flag(flags, GROUP) and 8 or 0)
    local mine = client ~= '' and has_flag(flags, CLIENT) and string.sub(record, at, at + 15) == client
    if not mine and (claimed or held == 0) and (late or delayed == 0) then
      found[#found + 1] = { seq, record, packed or '', held, delayed }
    end
  end
  page = choose()
end
local reply = { now_ms, queue.retention_ms / 1000, last, (looked >= 200 or page) and 1 or 0 }
for i, one in ipairs(found) do reply[4 + i] = one end
return reply
