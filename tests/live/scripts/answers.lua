-- For wrk: counts the answers of success, those that are refused with Retry-After, and all others.
local threads = {}

function setup(thread)
    table.insert(threads, thread)
end

function init()
    served, refused, others = 0, 0, 0
end

function response(status, headers)
    if status >= 200 and status < 300 then
        served = served + 1
    elseif status == 503 and (headers["retry-after"] or headers["Retry-After"]) then
        refused = refused + 1
    else
        others = others + 1
    end
end

function done()
    local counts = { served = 0, refused = 0, others = 0 }
    for _, thread in ipairs(threads) do
        for name in pairs(counts) do
            counts[name] = counts[name] + thread:get(name)
        end
    end
    io.write(string.format("Answers: %d served, %d refused, %d others\n", counts.served, counts.refused, counts.others))
end
