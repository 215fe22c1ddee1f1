// Package mib is the one model of the exporter's MIB: its object identifiers,
// names, types and where each value comes from. The text of the module
// (Generate), the variables of notifications (Values) and the tree
// that agents serve (Model.Tree) are all made from it, so they cannot disagree.
//
// It owns no socket and no file.
package mib
