package nco

import (
	"bytes"
	"strings"
	"testing/fstest"
)

// Home is $NC_RULES_HOME and $OMNIHOME with a pack in it, and with what stands in
// for the stock files around it: they do what the real ones do to an event of
// ours, in words of our own.
func Home(pack map[string][]byte, prefix string) fstest.MapFS {
	home := fstest.MapFS{}
	for name, content := range map[string]string{
		"snmptrap.rules":   snmptrap,
		"tivoli_eif.rules": eif,
		"include-common/AssignSev.include.common.rules": assignSev,
	} {
		home[name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(content, "VENDOR", prefix))}
	}
	for name, content := range pack {
		// Where the README says to put them.
		name = strings.TrimPrefix(strings.Replace(name, "eif/", "probes/ARCH/", 1), "messagebus/")
		home[name] = &fstest.MapFile{Data: bytes.Clone(content)}
	}
	return home
}

const snmptrap = `
include "$NC_RULES_HOME/include-snmptrap/VENDOR/VENDOR.master.include.lookup"

if(match(@Manager, "ProbeWatch"))
{
    @Identifier = @Manager + " " + @Summary
}
else
{
    @Manager = "MTTrapd Probe on " + hostname()
    @Agent = "mttrapd"
    @Class = "300"
    # A notification of v2 is put into the terms of v1 (RFC 3584, section 3.2).
    if(exists($notify))
    {
        @Node = $PeerAddress
        @NodeAlias = $PeerIPaddress
        $specific-trap = extract($notify, "\.([0-9]+)$")
        $generic-trap = "6"
        if(match(extract($notify, "\.([0-9]+)\.[0-9]+$"), "0"))
        {
            $enterprise = extract($notify, "^(.*)\.[0-9]+\.[0-9]+$")
        }
        else
        {
            $enterprise = extract($notify, "^(.*)\.[0-9]+$")
        }
    }
    else
    {
        @Node = $Node
        @NodeAlias = $IPaddress
    }
    if(match($generic-trap, "6"))
    {
        switch($enterprise)
        {
            case "none":
            include "$NC_RULES_HOME/include-snmptrap/VENDOR/VENDOR.master.include.rules"
            default:
                @Summary = "No rules for " + $enterprise
                @Severity = 2
                @Type = 0
                @Identifier = @Node + " " + $enterprise + " " + $specific-trap
                details($*)
        }
    }
    if(exists($OS_X733SpecificProb))
    {
        @X733SpecificProb = $OS_X733SpecificProb
        @LocalPriObj = $OS_LocalPriObj
        @LocalRootObj = $OS_LocalRootObj
    }
}
`

const assignSev = `
if(match($OS_Severity, "d"))
{
    discard
}
else if(match($OS_Severity, "Unknown"))
{
    @Severity = $DEFAULT_Severity
    @Type = $DEFAULT_Type
    @ExpireTime = $DEFAULT_ExpireTime
}
else
{
    @Severity = $OS_Severity
    @Type = $OS_Type
    @ExpireTime = $OS_ExpireTime
}
`

const eif = `
if(match(@Manager, "ProbeWatch"))
{
    @Identifier = @Manager + " " + @Summary
}
else
{
    switch($source)
    {
        case "none":
            @Agent = "another product"
        default:
            foreach ( e in $* )
            {
                if(regmatch($e, "^'.*'$"))
                {
                    $e = extract($e, "^'(.*)'$")
                }
            }
            @Manager = "tivoli_eif probe on " + hostname()
            @AlertGroup = $ClassName
            @Class = 6601
            @Agent = $source
            @Type = 1
            @Grade = 1
            switch($severity)
            {
                case "FATAL"|"60"|"CRITICAL"|"50":
                    @Severity = 5
                case "MINOR"|"40":
                    @Severity = 3
                case "WARNING"|"30":
                    @Severity = 2
                default:
                    @Severity = 1
            }
            include "$OMNIHOME/probes/ARCH/VENDOR.include.eif.rules"
    }
}
`
