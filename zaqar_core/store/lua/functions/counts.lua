-- counts: the queue, and how many messages are receivable now, leased and delayed; expired ones are forgotten first.
-- FIFO: messages that wait behind their group are receivable; delayed ones are found by halving.
-- keys:  Q.   args: "counts" or "stats"
-- reply: {visible, in flight, delayed, 1 if more have expired than one step forgets, {oldest}, {newest}, now, keep s,
--        field, value ...}; oldest and newest as in list, 0 in an empty queue and for "counts".
-- fails: NOQUEUE.   cost: O(log n); fifo with a delay O(log^2 n).
-- uses: A, c, DELAYED, delayed_until, expire_heads, GROUPED, had, held_until, KIND, L, LEASED, M, open, Q, q, S
-- uses: sent_of, settle, tick, whole
-- uses (fifo): queue_delay
local wrong = open()
if wrong then return wrong end
local gone = tick(200) + expire_heads(200)
settle()
local function end_of_band(band, newest)
  local low, high = string.format('%.0f', band), string.format('(%.0f', band + LEASED)
  if newest then return call('ZREVRANGEBYSCORE', A, high, low, 'LIMIT', 0, 1)[1] end
  return call('ZRANGEBYSCORE', A, low, high, 'LIMIT', 0, 1)[1]
end
local function shown(newest)
  local found
  for _, band in ipairs({ 0, LEASED, DELAYED, GROUPED }) do
    local seq = tonumber(end_of_band(band, newest))
    if seq and (not found or (newest and seq > found) or (not newest and seq < found)) then found = seq end
  end
  local seq = found and string.format('%.0f', found)
  local record = seq and call('HGET', M, seq)
  if not record then return 0 end
  return { seq, record, call('HGET', S, seq) or '', held_until(seq), delayed_until(seq, record) }
end
local function delayed_in_order()
  if queue_delay() == 0 then return 0 end
  local first = call('ZCOUNT', A, '-inf', string.format('(%.0f', GROUPED))
  local low, high = first, call('ZCARD', A)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local record = call('HGET', M, call('ZRANGE', A, middle, middle)[1])
    if record and sent_of(record) + queue_delay() > q.now then high = middle else low = middle + 1 end
  end
  return call('ZCARD', A) - low
end
local oldest_shown, newest_shown = 0, 0
if ARGV[1] == 'stats' then oldest_shown, newest_shown = shown(false), shown(true) end
local flying = call('ZCOUNT', L, '(' .. string.format('%.0f', q.now), '+inf')
local delayed = 0
if KIND == 'fifo' then
  delayed = delayed_in_order()
elseif had('d') then
  delayed = call('ZCOUNT', Q .. ':d', '(' .. string.format('%.0f', q.now), '+inf')
end
local reply = {
  call('ZCARD', A) - flying - delayed, flying, delayed, gone >= 200 and 1 or 0, oldest_shown, newest_shown, q.now,
  c.keep / 1000,
}
for _, value in ipairs(whole()) do reply[#reply + 1] = value end
return reply
