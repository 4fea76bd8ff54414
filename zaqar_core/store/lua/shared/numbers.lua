-- numbers: parse texts of numbers that recur, such as limits and timeouts. The cache is cleared when it is full.
local MOST_PARSED = 4096
local parsed_numbers, number_parsed = {}, 0
local function to_number(text)
  local value = parsed_numbers[text]
  if not value then
    if number_parsed >= MOST_PARSED then parsed_numbers, number_parsed = {}, 0 end
    value, number_parsed = tonumber(text), number_parsed + 1
    parsed_numbers[text] = value
  end
  return value
end
