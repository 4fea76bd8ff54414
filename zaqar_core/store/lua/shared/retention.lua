-- retention: remove messages past the retention at the head of each band, `most` at most in all; returns how many.
-- Messages that have an end of their own are skipped, 20 per band.
-- uses: DELAYED, expired, flags_of, GROUPED, has_flag, LEASED, MOVED, order_key, OWN_TTL, records_key, removal_of
-- uses: remove_messages, state_of, states_key, TTL
local function expire_oldest(most)
  local gone = {}
  for _, band in ipairs({ 0, LEASED, DELAYED, GROUPED }) do
    local at = 0
    while #gone < most and at < 20 do
      local upto = string.format('(%.0f', band + LEASED)
      local seqs = call('ZRANGEBYSCORE', order_key, string.format('%.0f', band), upto, 'LIMIT', at, most - #gone)
      if #seqs == 0 then break end
      local found = {}
      for _, seq in ipairs(seqs) do
        local record, state = call('HGET', records_key, seq), state_of(call('HGET', states_key, seq))
        if record and expired(record, state) then
          found[#found + 1] = removal_of(seq, record, state)
        elseif record and (has_flag(flags_of(record), OWN_TTL + MOVED) or state[TTL] > 0) and at < 20 then
          at = at + 1
        else
          at = 20
          break
        end
      end
      for _, one in ipairs(found) do gone[#gone + 1] = one end
      remove_messages(found)
    end
  end
  return #gone
end
