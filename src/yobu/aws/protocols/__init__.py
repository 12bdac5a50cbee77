"""One file per wire protocol of AWS, and the trees and bindings that they share."""
